"""What share of a run the gates take: `make bench-gates`.

The demonstration district gets so many sign-ins more, as files of its platform, and goes all the way: landed, loaded, gated, built
by dbt, gated, published, exported. Beside that, files of other shapes are loaded and gated. Great Expectations is imported once per
process, before anything is measured; how long that takes is told beside.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

import duckdb

from bench import workload
from bench.load import PAGE, PROJECT, SECRET, TITLES

BEGIN, END = "<!-- written by make bench-gates -->\n", "<!-- end of gates -->\n"
RAW_CASES = ("bench_activity", "bench_attendance")
GATES = ("gate what arrives", "gate the marts")


def main() -> None:
    """Measure, print the table, and write it where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="of each file that is loaded and gated only")
    parser.add_argument("--signins", type=int, default=10_000_000, help="that the district gets")
    parser.add_argument("--home", type=Path, help="GMW_HOME of a built district, with its secret set; default: an empty one")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.relative_to(PROJECT)}")
    parser.add_argument("--part", choices=["raw", "run"], help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(_raw(options.case, options.home) if options.part == "raw" else _run(options.signins)))
        return
    with tempfile.TemporaryDirectory(prefix="bench-gates-", dir=os.environ.get("GMW_BENCH_FOLDER")) as folder:
        table = measure(Path(folder), options.rows, options.signins, options.home)
    print(table)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(page.split(BEGIN)[0] + BEGIN + table + END + page.split(END)[1], encoding="utf-8")


def measure(folder: Path, rows: int, signins: int, home: Path | None = None) -> str:
    """Measure every part in a process of its own.

    Args: folder: to work in. rows: of each file that is loaded and gated only. signins: that the district gets. home: see --home.
    Returns: the tables. Raises: RuntimeError when a part fails.
    """
    district = folder / "district" / "home"
    if home:
        shutil.copytree(home, district, symlinks=True)
    run = _in_process(["--part", "run", "--signins", str(signins)], district, has_secret=home is not None)
    shutil.rmtree(district)
    workload.write(folder, rows, 1)
    raw = {case: _in_process(["--part", "raw", "--case", case, "--home", str(folder)], folder / case) for case in RAW_CASES}
    return table(run, signins, raw, rows)


def table(run: dict, signins: int, raw: dict, rows: int) -> str:
    """The tables of what was measured. Args: run, raw: seconds and CPU seconds by step, of the run and of each file. signins, rows:
    as for `measure`."""
    imported, run = run["import"][1], {step: took for step, took in run.items() if step != "import"}
    whole, gates = _sum(run.values()), _sum(run[step] for step in GATES)
    lines = [
        f"DuckDB {duckdb.__version__}, Great Expectations {version('great-expectations')}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores; one run.",
        "",
        f"**The gates take {gates[0] / whole[0]:.1%} of the seconds of a whole run, {gates[1] / whole[1]:.1%} of its CPU**: the "
        f"demonstration district with {signins:,} sign-ins more.",
        "",
        "| step of the run | seconds | CPU seconds | share of the seconds |",
        "|---|---|---|---|",
        *(f"| {step} | {took:.1f} | {cpu:.1f} | {took / whole[0]:.1%} |" for step, (took, cpu) in {**run, "all": whole}.items()),
        "",
        "| loaded and gated only | rows | load, seconds (CPU) | gate, seconds (CPU) | checks | share of the gate (of CPU) |",
        "|---|---|---|---|---|---|",
        *(_raw_line(case, rows, took) for case, took in raw.items()),
        "",
        f"Importing Great Expectations: {imported:.1f} s of CPU, once in each process that gates.",
    ]
    return "\n".join(lines) + "\n"


def _sum(taken) -> tuple[float, float]:
    """Seconds and CPU seconds of several steps."""
    seconds, cpu = zip(*taken)
    return sum(seconds), sum(cpu)


def _raw_line(case: str, rows: int, took: dict) -> str:
    (load, load_cpu), (gate, gate_cpu) = took["load"], took["gate"]
    return (
        f"| {TITLES[case]} | {rows:,} | {load:.1f} ({load_cpu:.1f}) | {gate:.1f} ({gate_cpu:.1f}) | {took['checks']} | "
        f"{gate / (load + gate):.0%} ({gate_cpu / (load_cpu + gate_cpu):.0%}) |"
    )


def _in_process(arguments: list[str], home: Path, has_secret: bool = False) -> dict:
    """Run a part with an installation. `has_secret`: it brings the secret of its person keys along."""
    environment = {**os.environ, "GMW_HOME": str(home), **({} if has_secret else {"GMW_PERSON_KEY_SECRET": SECRET})}
    command = [sys.executable, "-m", "bench.gates", *arguments]
    process = subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: ended with exit code {process.returncode}:\n{process.stdout}")
    told = json.loads(process.stdout.splitlines()[-1])
    print(arguments, told, flush=True)
    return told


class Steps:
    """Seconds, and seconds of CPU of this process and those that it has waited for, of one step after the other."""

    def __init__(self) -> None:
        self.took: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._step = ""
        self._since = (0.0, 0.0)

    def begin(self, step: str) -> None:
        """End the step that runs, if one does, and begin another one; the same one goes on. An empty name only ends."""
        if step == self._step:
            return
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        now = (time.monotonic(), sum(one.ru_utime + one.ru_stime for one in used))
        if self._step:
            took = self.took[self._step]
            took[:] = [before + now - since for before, now, since in zip(took, now, self._since)]
        self._step, self._since = step, now


def _import() -> None:
    from expectations import runner

    runner.context()
    import expectations.checks  # noqa: F401


def _raw(case: str, folder: Path) -> dict:
    """Load one file of the benchmark, and ask its suite."""
    from bench.load import declared
    from expectations.gate import try_batch
    from ingest import warehouse
    from ingest.connectors import Arrival, Arrivals
    from ingest.landing import land_arrivals
    from ingest.load import load_landed

    steps = Steps()
    steps.begin("import")
    _import()
    steps.begin("land")
    source, path = declared(case), folder / workload.FILES[case]
    land_arrivals(source, Arrivals([Arrival(path, path.name, str(path))], is_complete=False))
    steps.begin("load")
    (report,) = load_landed(source)
    steps.begin("")
    with warehouse.writer("bench") as connection:
        ((batch_id,),) = connection.execute("select batch_id from ops.batch").fetchall()
        steps.begin("gate")
        gated = try_batch(connection, source, batch_id)
        steps.begin("")
    if not gated.passed or report.status != "loaded":
        raise SystemExit(f"{report}\n{gated}")
    return {**steps.took, "checks": len(gated.results)}


def _run(signins: int) -> dict:
    """A whole run of the district, with the sign-ins."""
    from ingest.run import run_all
    from ingest.settings import settings
    from samples.make_samples import write_all

    folder = settings().home.parent
    write_all(folder)
    workload.write_signins(folder / "raw" / "signin_platform", signins)
    os.environ["GMW_DROP_FOLDER"] = str(folder / "raw")
    steps = Steps()
    steps.begin("import")
    _import()
    run_all("bench", None, lambda step: steps.begin(_step_of_run(step)), lambda line: None)
    steps.begin("")
    return steps.took


def _step_of_run(told: str) -> str:
    """The line of the table for what `run_all` says that it does."""
    of_source = {"land": "land", "load": "load", "gate": GATES[0]}
    if told.startswith("dbt: "):
        return "build the marts (dbt)"
    return of_source.get(told.rpartition(": ")[2], told)


if __name__ == "__main__":
    main()
