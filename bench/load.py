"""How fast files are loaded, beside a bare DuckDB that reads the same CSV as text into a table: `make bench-load`.

Every measured run is a process of its own with an empty installation; bare and own runs alternate. What was loaded is compared
with what was generated.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench import workload
from ingest.declaration import SourceDeclaration, read_declaration

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "performance.md"
BEGIN, END = "<!-- written by make bench-load -->\n", "<!-- end -->\n"
BARE = "bare"
SECRET = "a secret of the benchmark, long enough to be taken"
TITLES = {
    BARE: "bare DuckDB: `read_csv`, all columns as text, into a table",
    "bench_activity": "activity ledger, CSV",
    "bench_activity_gb18030": "the same in GB18030",
    "bench_attendance": f"sign-ins, CSV, {workload.PEOPLE:,} people become keyed hashes",
    "bench_activity_workbook": "activity ledger, Excel workbook",
}


@dataclass(frozen=True)
class Run:
    """One measured run. `seconds` of the load itself and its `cpu_seconds`; `peak_mb` of the process and the one that it starts."""

    rows: int
    checksum: int
    seconds: float
    cpu_seconds: float
    peak_mb: float


def main() -> None:
    """Write the files, measure every case several times in turn, check what was loaded, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--workbook-rows", type=int, default=workload.WORKBOOK_ROWS)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--case", action="append", choices=list(TITLES), help="measure this one beside the bare read; default: all")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.relative_to(PROJECT)}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        table = measure_all(Path(folder), options.rows, options.workbook_rows, options.repetitions, options.case)
    print(table)
    if options.write:
        before, after = PAGE.read_text(encoding="utf-8").split(BEGIN)[0], PAGE.read_text(encoding="utf-8").split(END)[1]
        PAGE.write_text(before + BEGIN + table + END + after, encoding="utf-8")


def measure_all(folder: Path, rows: int, workbook_rows: int, repetitions: int, cases: list[str] | None = None) -> str:
    """Measure the cases (default: all) in turn, `repetitions` times. Returns: the table.

    Raises: AssertionError when a load lost or changed rows.
    """
    workload.write(folder, rows, workbook_rows)
    runs: dict[str, list[Run]] = {case: [] for case in TITLES if case in (BARE, *(cases or TITLES))}
    for number in range(repetitions):
        for case in runs:
            run = _measured(case, folder)
            count = workbook_rows if case == "bench_activity_workbook" else rows
            if case != BARE and (run.rows, run.checksum) != (wanted := workload.expected(case, count)):
                raise AssertionError(f"{case}: expected {wanted} (rows, checksum), found {(run.rows, run.checksum)}")
            print(f"run {number + 1}, {case}: {run.rows:,} rows in {run.seconds:.2f} s, {run.peak_mb:.0f} MB", flush=True)
            runs[case].append(run)
    return _table(runs)


def _table(runs: dict[str, list[Run]]) -> str:
    def median(case: str, what: str) -> float:
        return statistics.median(getattr(run, what) for run in runs[case])

    def speed(case: str) -> float:
        return runs[case][0].rows / median(case, "seconds")

    lines = [
        f"DuckDB {duckdb.__version__}, Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores; "
        f"medians of {len(runs[BARE])} runs, in turn.",
        "",
        "| what | rows | seconds | rows per second | × bare | CPU seconds | peak memory, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in runs:
        lines.append(
            f"| {TITLES[case]} | {runs[case][0].rows:,} | {median(case, 'seconds'):.1f} | {speed(case):,.0f} | "
            f"{speed(case) / speed(BARE):.2f} | {median(case, 'cpu_seconds'):.1f} | {median(case, 'peak_mb'):.0f} |"
        )
    return "\n".join(lines) + "\n"


def _measured(case: str, folder: Path) -> Run:
    """Run one case in a process of its own, with an empty home."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="home-") as home:
        environment = {**os.environ, "GMW_HOME": home, "GMW_PERSON_KEY_SECRET": SECRET}
        command = [sys.executable, "-m", "bench.load_once", case, str(folder)]
        process = subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True)
        if process.returncode:
            raise RuntimeError(f"{case}: the run ended with exit code {process.returncode}:\n{process.stdout}")
        columns = "*" if case == BARE else ", ".join(f'"{c.name}"' for c in declared(case).columns if not c.personal) + ", _row_no"
        with duckdb.connect(f"{home}/warehouse/gmw_build.duckdb", read_only=True) as connection:
            rows, total = connection.execute(workload.checksum(f"select {columns} from raw.{case}")).fetchone()
    return Run(rows, total, **json.loads(process.stdout))


def declared(case: str) -> SourceDeclaration:
    """The declaration of a source of the benchmark."""
    return read_declaration(PROJECT / "bench" / "declarations" / case / f"_{case}__sources.yml", {})[0]


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"{time.monotonic() - started:.0f} s in all")
