"""One run of the benchmark, in a process of its own: `python -m bench.load_once CASE FOLDER` prints what it took."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from bench import workload
from bench.load import BARE, declared
from bench.memory import peak_memory
from ingest.connectors import Arrival, Arrivals
from ingest.landing import land_arrivals
from ingest.load import load_landed
from ingest.settings import settings
from ingest.sql import literal, quoted


@contextmanager
def measured() -> Iterator[None]:
    """Print what the block takes, with the processes that it starts."""
    before, started = sum(os.times()[:4]), time.monotonic()
    with peak_memory() as peak:
        yield
    seconds, cpu_seconds = time.monotonic() - started, sum(os.times()[:4]) - before
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak.own + peak.of_a_child}))


def bare(path: Path) -> None:
    """Read a CSV file, all columns as text, into a table of a database file, and close it."""
    database = settings().database
    database.parent.mkdir(parents=True)
    with open(path, encoding="utf-8") as file:
        headers = file.readline().rstrip("\n").split(",")
    columns = ", ".join(f"{quoted(header)}: 'varchar'" for header in headers)
    with measured(), duckdb.connect(str(database)) as connection:
        connection.execute("create schema raw")
        connection.execute(
            f"create table raw.bare as from read_csv({literal(str(path))}, auto_detect = false, header = true, delim = ',', "
            f"quote = '\"', escape = '\"', columns = {{{columns}}})"
        ).complete()


def own(case: str, path: Path) -> None:
    """Land a file of a source of the benchmark, and load it as any other."""
    source = declared(case)
    land_arrivals(source, Arrivals([Arrival(path, path.name, str(path))], is_complete=False))
    with measured():
        (report,) = load_landed(source)
    if report.status != "loaded":
        raise SystemExit(str(report))


if __name__ == "__main__":
    case, folder = sys.argv[1], Path(sys.argv[2])
    if case == BARE:
        bare(folder / workload.FILES["bench_activity"])
    else:
        own(case, folder / workload.FILES[case])
