"""One reader of what is published, in a process of its own: it queries without pause until it is told to stop, and then tells, as
JSON, what it saw. `python -m tests.integration.reading_along WAY PUBLISHED STOP`
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

# In every version each of these tables tells of the run, and so does each row of kpi_value. `{table}` is where it is read from.
EVERY_TABLE = """
select publication.version, publication.run_id,
    (select list(distinct run_id) from {kpi_value}) as runs, (select sum(numerator) / count(*) from {kpi_value}) as mean,
    (select list(distinct run_id) from {kpi_value_public}) as public_runs,
    (select list(distinct note) from {fct_money}) as money, (select list(distinct note) from {fct_case}) as cases
from {publication} as publication
"""
TABLES = ("publication", "kpi_value", "kpi_value_public", "fct_money", "fct_case")
IN_DATABASE = EVERY_TABLE.format(**{name: name for name in TABLES})


class Reader:
    """Runs queries and keeps what they said. `published`: the folder of the versions."""

    def __init__(self, published: Path) -> None:
        self.published = published
        self.link = published / "current"
        self.queries = 0
        self.longest = 0.0
        self.errors: list[str] = []
        self.mixed: list[str] = []
        self.outdated: list[str] = []
        self.seen: dict[str, int] = {}

    def ask(self, connection: duckdb.DuckDBPyConnection, query: str = IN_DATABASE) -> str:
        """Run a query that tells of several tables. Returns the version that it is of."""
        version, run, *tables = connection.execute(query).fetchone()
        expected = [[run], float(run.rpartition("-")[2]), [run], [run], [run]]
        if tables != expected:
            self.mixed.append(f"{version}: expected {expected}, found {tables}")
        self.seen[version] = self.seen.get(version, 0) + 1
        return version

    def newest(self, open_and_ask: Callable[[], str]) -> None:
        """A reader that opens now sees what is current now."""
        before = os.readlink(self.link)
        version = open_and_ask()
        after = os.readlink(self.link)
        if not before <= version <= after:
            self.outdated.append(f"{before} was current, then {after}: found {version}")

    def timed(self, step: Callable[[], None]) -> None:
        started = time.monotonic()
        try:
            step()
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")
        self.queries += 1
        self.longest = max(self.longest, time.monotonic() - started)


def holding(reader: Reader) -> Callable[[], None]:
    """One connection for the whole time, as an analyst has it."""
    connection = duckdb.connect(str(reader.link / "marts.duckdb"), read_only=True)
    first = reader.ask(connection)

    def step() -> None:
        if (version := reader.ask(connection)) != first:
            reader.mixed.append(f"one connection saw {first}, then {version}")

    return step


def connecting(reader: Reader) -> Callable[[], None]:
    """A new connection through the link for each query; the ones before stay open for a while, in the same process."""
    kept: list[duckdb.DuckDBPyConnection] = []

    def step() -> None:
        def open_and_ask() -> str:
            kept.append(duckdb.connect(str(reader.link / "marts.duckdb"), read_only=True))
            return reader.ask(kept[-1])

        reader.newest(open_and_ask)
        if len(kept) > 5:
            kept.pop(0).close()

    return step


def opening(reader: Reader) -> Callable[[], None]:
    """What `gmw sql` does; several queries in one connection tell of one version."""
    from exports.publication import open_current

    def step() -> None:
        def open_and_ask() -> str:
            with open_current() as connection:
                versions = {reader.ask(connection) for _ in range(3)}
            if len(versions) > 1:
                reader.mixed.append(f"one connection saw {versions}")
            return versions.pop()

        reader.newest(open_and_ask)

    return step


def parquet(reader: Reader) -> Callable[[], None]:
    """Parquet files: one through the link, then several of one version, which the first query of docs/querying.md looks up."""
    connection = duckdb.connect()

    def step() -> None:
        runs = connection.execute(f"select distinct run_id from '{reader.link}/parquet/kpi_value.parquet'").fetchall()
        if len(runs) != 1:
            reader.mixed.append(f"one file told of the runs {runs}")

        def pin_and_ask() -> str:
            (version,) = connection.execute(f"select version from '{reader.link}/parquet/publication.parquet'").fetchone()
            files = {name: f"'{reader.published / version}/parquet/{name}.parquet'" for name in TABLES}
            return reader.ask(connection, EVERY_TABLE.format(**files))

        reader.newest(pin_and_ask)

    return step


def main(way: str, published: Path, stop: Path) -> None:
    reader = Reader(published)
    step = {"holding": holding, "connecting": connecting, "opening": opening, "parquet": parquet}[way](reader)
    print("ready", flush=True)
    while not stop.exists():
        reader.timed(step)
    kept = {name: vars(reader)[name] for name in ("queries", "longest", "errors", "mixed", "outdated", "seen")}
    print(json.dumps(kept))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
