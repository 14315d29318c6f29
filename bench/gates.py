"""What share of a run the gates take: `make bench-gates`.

Files of the benchmark are loaded and gated; and a built demonstration district gets so many sign-ins more, is built by dbt, gated
and published. Great Expectations is imported once per process, before anything is measured; how long that takes is told beside.
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
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import duckdb

from bench import workload
from bench.load import PAGE, PROJECT, SECRET, TITLES

BEGIN, END = "<!-- written by make bench-gates -->\n", "<!-- end of gates -->\n"
RAW_CASES = ("bench_activity", "bench_attendance")
BATCH = "signin_record-90001"


def main() -> None:
    """Measure, print the table, and write it where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="of each file")
    parser.add_argument("--signins", type=int, default=10_000_000, help="that the district gets")
    parser.add_argument("--home", type=Path, help="GMW_HOME of a built demonstration district; default: one is built first")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.relative_to(PROJECT)}")
    parser.add_argument("--part", choices=["raw", "marts"], help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(_raw(options.case, options.home) if options.part == "raw" else _marts(options.signins)))
        return
    with tempfile.TemporaryDirectory(prefix="bench-gates-", dir=os.environ.get("GMW_BENCH_FOLDER")) as folder:
        table = measure(Path(folder), options.rows, options.signins, options.home)
    print(table)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(page.split(BEGIN)[0] + BEGIN + table + END + page.split(END)[1], encoding="utf-8")


def measure(folder: Path, rows: int, signins: int, home: Path | None) -> str:
    """Measure every part in a process of its own. Returns: the table."""
    lines = [
        f"DuckDB {duckdb.__version__}, Great Expectations {version('great-expectations')}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores; one run.",
        "",
        "| what | rows | work, seconds (CPU) | gates, seconds (CPU) | checks | share of the gates, of seconds and CPU |",
        "|---|---|---|---|---|---|",
    ]
    workload.write(folder, rows, 1)
    for case in RAW_CASES:
        took = _in_process(["--part", "raw", "--case", case, "--home", str(folder)], folder / case)
        lines.append(_line(f"load and gate: {TITLES[case]}", rows, took, ["load"]))
    district = folder / "district"
    if home:
        shutil.copytree(home, district / "home", symlinks=True)
    took = _in_process(["--part", "marts", "--signins", str(signins)], district / "home", has_secret=home is not None)
    lines.append(_line("build, gate and publish: the district with so many sign-ins", signins, took, ["build", "publish"]))
    lines += ["", f"Importing Great Expectations: {took['import'][1]:.1f} s of CPU, once in each process that gates."]
    return "\n".join(lines) + "\n"


def _line(what: str, rows: int, took: dict, parts: list[str]) -> str:
    """A line of the table. `took`: seconds and CPU seconds of each part. `parts`: those that are not the gate."""
    (work, work_cpu), (gates, gates_cpu) = (sum(column) for column in zip(*(took[part] for part in parts))), took["gate"]
    return (
        f"| {what} | {rows:,} | {work:.1f} ({work_cpu:.1f}) | {gates:.1f} ({gates_cpu:.1f}) | {took['checks']} | "
        f"{gates / (work + gates):.0%}, {gates_cpu / (work_cpu + gates_cpu):.0%} |"
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


@contextmanager
def _timed(took: dict, part: str) -> Iterator[None]:
    """Note how many seconds, and seconds of CPU of this process and those that it has waited for, a part takes."""
    started, before = time.monotonic(), _cpu_seconds()
    yield
    took[part] = (time.monotonic() - started, _cpu_seconds() - before)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


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

    took: dict = {}
    with _timed(took, "import"):
        _import()
    source, path = declared(case), folder / workload.FILES[case]
    land_arrivals(source, Arrivals([Arrival(path, path.name, str(path))], is_complete=False))
    with _timed(took, "load"):
        (report,) = load_landed(source)
    with warehouse.writer("bench") as connection:
        ((batch_id,),) = connection.execute("select batch_id from ops.batch").fetchall()
        with _timed(took, "gate"):
            gated = try_batch(connection, source, batch_id)
    if not gated.passed or report.status != "loaded":
        raise SystemExit(f"{report}\n{gated}")
    return {**took, "checks": len(gated.results)}


def _marts(rows: int) -> dict:
    """Add sign-ins to a built district, build it again, gate it and publish it."""
    from expectations.gate import gate_marts
    from exports.publication import publish
    from ingest import warehouse
    from ingest.build import build
    from ingest.run import run_all
    from ingest.settings import settings
    from samples.make_samples import write_all

    def silent(line: str) -> None:
        """dbt's progress is not for this table."""

    took: dict = {}
    with _timed(took, "import"):
        _import()
    if not settings().database.exists():
        os.environ["GMW_DROP_FOLDER"] = str(settings().home.parent / "raw")
        write_all(settings().home.parent)
        run_all("before", None, silent, silent)
    with warehouse.writer("bench") as connection:
        _add_signins(connection, rows)
    with _timed(took, "build"):
        build("bench", echo=silent)
    with _timed(took, "gate"):
        report = gate_marts("bench")
    with _timed(took, "publish"):
        publish("bench")
    return {**took, "checks": len(report.results)}


def _add_signins(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    """Sign-ins of so many rows as one more batch: those of the district, each time by other people."""
    (known,) = connection.execute("select count(*) from raw.signin_record").fetchone()
    connection.execute(
        f"""
        insert into raw.signin_record by name
        select signins.* replace (
            row_no || '-' || times.i as row_no, '{BATCH}' as _batch_id, row_number() over () as _row_no,
            left(person, 9) || sha256(person || times.i) as person, left(household, 9) || sha256(household || times.i) as household
        )
        from raw.signin_record as signins, range({-(-rows // known)}) as times (i) limit {rows}
        """
    ).fetchall()
    connection.execute(
        f"""
        insert into ops.batch by name
        select * replace ('{BATCH}' as batch_id, 90001 as batch_no, {rows} as rows_in, {rows} as rows_loaded, 0 as rows_quarantined,
            0 as rows_skipped)
        from ops.batch where source = 'signin_record' and status = 'accepted' order by batch_no desc limit 1
        """
    )


if __name__ == "__main__":
    main()
