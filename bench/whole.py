"""From raw files to KPIs, side by side: the product, the limit, and what people would pick instead. `make bench`.

Each stage of each way runs in a process of its own. A way whose values are not those of the product ends the run with an error.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path

import duckdb

from bench import compare, district, plots, product, through_airflow
from bench.load import PAGE, PROJECT
from bench.product import Took, in_process
from ingest.build import RUN_RESULTS, code_version

BEGIN, END = "<!-- written by make bench -->\n", "<!-- end of bench -->\n"
HISTORY = PROJECT / "bench" / "history.jsonl"
# dlt's default way takes an hour at s = 1: read on two slices, and told for the whole by the line through them.
SLICES = (0.01, 0.03)
# Of DuckDB in a process of the product, so that the whole stays below 4 GB.
MEMORY_LIMIT = "3GB"
LIMIT, ARROW, ROWS, PANDAS, PRODUCT = "DuckDB by hand", "dlt (arrow) + dbt", "dlt (rows) + dbt", "pandas", "the product"
NEW_DAY, NO_NEWS, THROUGH_AIRFLOW = "one new day", "no news", "one new day through Airflow"
SLOWEST = 12


def main() -> None:
    """Measure, compare, print the tables, and write them where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="s of the workload")
    parser.add_argument("--seed", type=int, default=district.SEED)
    parser.add_argument("--write", action="store_true", help=f"put the result into {PAGE.relative_to(PROJECT)} and the history")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("GMW_BENCH_FOLDER")) as folder:
        result = measure(Path(folder), options.scale, options.seed)
    text = report(result)
    print(text)
    if options.write:
        keep(result)
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(page.split(BEGIN)[0] + BEGIN + text + END + page.split(END)[1], encoding="utf-8")
        plots.ways(result, PROJECT / "docs" / "images" / "bench.svg")


def measure(folder: Path, scale: float, seed: int) -> dict:
    """Run every way on W(s). Args: folder: an empty one. Returns: the result, as it is kept. Raises: NotTheSame."""
    files = folder / "files"
    district.write(files, scale, seed)
    load_before = os.getloadavg()[0]
    ways = {LIMIT: {"all": limit(folder, files)}}
    ways[PRODUCT], models = run_product(folder, files)
    home = folder / "product" / "home"
    agreements = [compare.with_product(home, folder / "limit.duckdb")]
    ways[ARROW] = dlt_and_dbt(folder, files)
    agreements.append(compare.with_product(home, folder / "dlt" / "peer.duckdb"))
    ways[ROWS] = {"read": _on_the_line(folder, scale, seed), "compute": ways[ARROW]["compute"]}
    ways[PANDAS] = {"all": in_process([sys.executable, "-m", "bench.peer_pandas", str(files), str(folder / "pandas.duckdb")], {})}
    agreements.append(compare.with_product(home, folder / "pandas.duckdb"))
    assert len(set(agreements)) == 1, agreements
    before = through_airflow.copy_of(home)
    later = run_later(folder, files, scale, seed)
    # The product has made again what the day touches; by hand everything is computed once more.
    (folder / "limit.duckdb").unlink()
    limit(folder, files)
    compare.with_product(home, folder / "limit.duckdb")
    later[THROUGH_AIRFLOW] = through_airflow.measure(folder / "product", files, before)
    compare.with_product(home, folder / "limit.duckdb")
    return {
        **about(scale, seed), "rows": district.counts(scale), "load_average": [load_before, os.getloadavg()[0]],
        "same": asdict(agreements[0]), "models": models, "later": {what: asdict(took) for what, took in later.items()},
        "ways": {way: {stage: asdict(took) for stage, took in stages.items()} for way, stages in ways.items()},
    }  # fmt: skip


def limit(folder: Path, files: Path) -> Took:
    """Run the limit into `limit.duckdb` below the folder."""
    return in_process([sys.executable, "-m", "bench.limit", str(files), str(folder / "limit.duckdb")], {})


def run_product(folder: Path, files: Path) -> tuple[dict[str, Took], dict[str, float]]:
    """Run the product below the folder. Returns: what each stage took, and the seconds of each model, the slowest first."""
    os.environ.setdefault("GMW_MEMORY_LIMIT", MEMORY_LIMIT)
    took = product.measure(folder / "product", files)
    results = json.loads((folder / "product" / "home" / "dbt" / RUN_RESULTS).read_text())["results"]
    models: dict[str, float] = {}
    for result in results:
        kind, _, name = result["unique_id"].split(".")[:3]
        name = name if kind == "model" else f"all {kind}s"
        models[name] = models.get(name, 0) + result["execution_time"]
    return took, {name: round(models[name], 2) for name in sorted(models, key=models.get, reverse=True)}


def run_later(folder: Path, files: Path, scale: float, seed: int) -> dict[str, Took]:
    """Run the product, which has run, twice more: with the file of one day more, which is written, and with nothing new.

    Returns: NEW_DAY and NO_NEWS → what `gmw run` took, from its start to its end.
    """
    district.write_new_day(files, scale, seed)
    return {what: product.measure(folder / "product", files, (product.RUN,))[product.RUN] for what in (NEW_DAY, NO_NEWS)}


def dlt_and_dbt(folder: Path, files: Path, way: str = "arrow") -> dict[str, Took]:
    """Let dlt read, and dbt compute, into `dlt/peer.duckdb` below the folder."""
    (folder / "dlt").mkdir()
    database = folder / "dlt" / "peer.duckdb"
    quiet = {"RUNTIME__DLTHUB_TELEMETRY": "false", "DO_NOT_TRACK": "1"}
    peer = [sys.executable, "-m", "bench.peer_dlt"]
    return {
        "read": in_process([*peer, "read", way, str(files), str(database)], quiet),
        "compute": in_process([*peer, "compute", str(database)], quiet),
    }


def _on_the_line(folder: Path, scale: float, seed: int) -> Took:
    """What dlt's default way would take to read W(s), by the line through the CPU seconds that it takes for two slices."""
    slices = []
    for size in SLICES:
        small = folder / f"slice-{size}"
        district.write(small / "files", size * scale, seed)
        slices.append(dlt_read_rows(small))
    (first, second), (less, more) = SLICES, slices
    cpu_seconds = less.cpu_seconds + (more.cpu_seconds - less.cpu_seconds) * (1 - first) / (second - first)
    return Took(more.seconds * cpu_seconds / more.cpu_seconds, cpu_seconds, more.peak_mb)


def dlt_read_rows(folder: Path) -> Took:
    """Let dlt read the files below a folder as Python objects."""
    command = [sys.executable, "-m", "bench.peer_dlt", "read", "rows", str(folder / "files"), str(folder / "peer.duckdb")]
    return in_process(command, {"RUNTIME__DLTHUB_TELEMETRY": "false"})


def about(scale: float, seed: int) -> dict:
    """What a result is about: the day, the code, the workload and the machine."""
    return {
        "date": date.today().isoformat(), "code": code_version(), "scale": scale, "seed": seed, "cores": os.cpu_count(),
        "machine": platform.machine(), "python": platform.python_version(), "duckdb": duckdb.__version__,
        "dbt": version("dbt-core"), "dlt": version("dlt"), "pandas": version("pandas"),
    }  # fmt: skip


def totals(stages: dict[str, dict]) -> dict[str, float]:
    """The sums of seconds and the most memory over the stages up to the published version."""
    counted = [took for stage, took in stages.items() if stage != product.EXPORT]
    return {
        "seconds": sum(took["seconds"] for took in counted), "cpu_seconds": sum(took["cpu_seconds"] for took in counted),
        "peak_mb": max(took["peak_mb"] for took in counted),
    }  # fmt: skip


def targets(result: dict) -> list[tuple[str, str, str, bool]]:
    """The targets that this run measures: what, the target, what was found by CPU seconds and seconds, whether it is met."""
    total = {way: totals(stages) for way, stages in result["ways"].items()}
    own = total[PRODUCT]

    def ratio(over: str, under: str) -> tuple[float, str]:
        by_cpu = total[over]["cpu_seconds"] / total[under]["cpu_seconds"]
        return by_cpu, f"{by_cpu:.2f}× of CPU seconds, {total[over]['seconds'] / total[under]['seconds']:.2f}× of seconds"

    found = []
    for what, target, (number, told), is_met in (
        ("product / DuckDB by hand", "≤ 2.0×", ratio(PRODUCT, LIMIT), lambda number: number <= 2),
        ("dlt (arrow) + dbt / product", "> 1×", ratio(ARROW, PRODUCT), lambda number: number > 1),
        ("dlt (rows) + dbt / product", "≥ 10×", ratio(ROWS, PRODUCT), lambda number: number >= 10),
        ("pandas / product", "≥ 10×", ratio(PANDAS, PRODUCT), lambda number: number >= 10),
    ):
        found.append((what, target, told, is_met(number)))
    found.append(
        (
            "peak memory of the product",
            "≤ 4,000 MB at s = 1",
            f"{own['peak_mb']:,.0f} MB at s = {result['scale']:g}",
            own["peak_mb"] <= 4000,
        )
    )
    for what, most in ((NEW_DAY, 45), (NO_NEWS, 15)):
        seconds = result["later"][what]["seconds"]
        found.append((f"`gmw run`, {what}", f"≤ {most} s at s = 1", f"{seconds:.1f} s at s = {result['scale']:g}", seconds <= most))
        if what == NEW_DAY:
            found.append(_target_through_airflow(result, most))
    return found


def _target_through_airflow(result: dict, most: float) -> tuple[str, str, str, bool]:
    """The target of one new day through Airflow: met when what is left without Airflow's own seconds is within it."""
    seconds, own = result["later"][THROUGH_AIRFLOW]["seconds"], airflows_own(result["later"])["seconds"]
    told = f"{seconds:.1f} s, of which Airflow's own {own:.1f} s, at s = {result['scale']:g}"
    target = f"≤ {most} s at s = 1, Airflow's own overhead apart"
    return f"`gmw airflow run`, {NEW_DAY}", target, told, seconds - own <= most


def airflows_own(later: dict[str, dict]) -> dict[str, float]:
    """Airflow's own overhead: its seconds and CPU seconds less those of `gmw run`, for the same day from the same state."""
    return {unit: later[THROUGH_AIRFLOW][unit] - later[NEW_DAY][unit] for unit in ("seconds", "cpu_seconds")}


def report(result: dict) -> str:
    """The result as Markdown."""
    rows, same = result["rows"], result["same"]
    total = {way: totals(stages) for way, stages in result["ways"].items()}
    before, after = result["load_average"]
    lines = [
        f"W({result['scale']:g}) of {result['date']}: {rows['participations']:,} participations, {rows['cases']:,} cases with "
        f"{rows['events']:,} changes of state, {rows['answers']:,} answers, {rows['movements']:,} movements of money, "
        f"{district.COMMUNITIES} communities, {district.MONTHS} months. DuckDB {result['duckdb']}, dbt {result['dbt']}, dlt "
        f"{result['dlt']}, pandas {result['pandas']}, Python {result['python']}, {result['machine']}, {result['cores']} cores; one "
        f"run; load average {before:.1f} before and {after:.1f} after: where others use the machine, CPU seconds say more than "
        "seconds.",
        "",
        f"All ways came to the same {same['values']:,} values of {same['metrics']} metrics (the product hides {same['hidden']:,} "
        "of them, of so few people): counts and money exactly, others to 1e-9.",
        "",
        "| way | seconds | CPU seconds | × by hand (CPU) | peak memory, MB |",
        "|---|---|---|---|---|",
    ]
    for way in (LIMIT, PRODUCT, ARROW, ROWS, PANDAS):
        of, times = total[way], total[way]["cpu_seconds"] / total[LIMIT]["cpu_seconds"]
        name = f"{way}, reading told from slices of {SLICES[0]:.1%} and {SLICES[1]:.1%}" if way == ROWS else way
        lines.append(f"| {name} | {of['seconds']:,.0f} | {of['cpu_seconds']:,.0f} | {times:.2f} | {of['peak_mb']:,.0f} |")
    lines += ["", "| target | asked | found | met |", "|---|---|---|---|"]
    lines += [f"| {what} | {target} | {told} | {'yes' if is_met else 'no'} |" for what, target, told, is_met in targets(result)]
    lines += ["", "| stage of the product | seconds | CPU seconds | peak memory, MB |", "|---|---|---|---|"]
    for stage, took in result["ways"][PRODUCT].items():
        name = f"{stage} (not in the sum)" if stage == product.EXPORT else stage
        lines.append(f"| {name} | {took['seconds']:,.1f} | {took['cpu_seconds']:,.1f} | {took['peak_mb']:,.0f} |")
    for what in (NEW_DAY, NO_NEWS):
        took = result["later"][what]
        name = f"`gmw run` with {what}, exports included (not in the sum)"
        lines.append(f"| {name} | {took['seconds']:,.1f} | {took['cpu_seconds']:,.1f} | {took['peak_mb']:,.0f} |")
    lines += _of_airflow(result["later"])
    slowest = list(result["models"].items())[:SLOWEST]
    lines += [
        "",
        f"The slowest of dbt's {len(result['models'])} models, in seconds: "
        + ", ".join(f"{name} {took:.1f}" for name, took in slowest)
        + ".",
    ]
    lines += ["", "![Seconds of CPU of each way](images/bench.svg)"]
    return "\n".join(lines) + "\n"


def _of_airflow(later: dict[str, dict]) -> list[str]:
    """What one new day through Airflow took: the last rows of the table of stages, and below it what its seconds are made of."""
    took, own = later[THROUGH_AIRFLOW], airflows_own(later)
    in_no_task = took["seconds"] - took["until_first_run"] - took["in_tasks"]
    return [
        f"| `gmw airflow run` with {NEW_DAY}, exports included (not in the sum) | {took['seconds']:,.1f} | "
        f"{took['cpu_seconds']:,.1f} | – |",
        f"| of these, Airflow's own: what it took more than `gmw run` | {own['seconds']:,.1f} | {own['cpu_seconds']:,.1f} | – |",
        "",
        "`gmw airflow run` starts Airflow, runs each source, the build and the export, and stops it. Of its "
        f"{took['seconds']:,.1f} seconds, {took['until_first_run']:,.1f} had passed when its first DAG run started; in "
        f"{took['in_tasks']:,.1f} at least one of its {took['tasks']} tasks ran; in {in_no_task:,.1f} none did: between tasks, "
        f"and until all processes had ended. Builds of the marts: {took['builds']}. Airflow's own includes what `gmw run` does not "
        "do: starting a process for each task, compacting, a backup and the trial of its restore, the look for late sources. The "
        "memory of its many processes is not measured (–).",
    ]


def keep(result: dict) -> None:
    """Add a result to the history, with its slowest models only."""
    kept = {**result, "models": dict(list(result["models"].items())[:SLOWEST])}
    with open(HISTORY, "a", encoding="utf-8") as file:
        file.write(json.dumps(kept, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"{time.monotonic() - started:.0f} s in all")
