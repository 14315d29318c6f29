"""Compare what Spark has built with what DuckDB has built from the same landed rows."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

from distributed.build import build
from distributed.cluster import Cluster, folder
from ingest.settings import settings
from ingest.sql import literal

# Every KPI value: before anything is hidden, and as each audience sees it.
COMPARED = ("kpi_computed", "kpi_value", "kpi_value_public")
KEY = (
    "metric_code", "place_key", "period_type", "period_start", "period_end", "breakdown_type", "breakdown_value", "currency",
)  # fmt: skip
TEXTS = ("definition_version", "place_level", "place_path", "unit", "status", "as_of", "run_id")
NUMBERS = ("numerator", "denominator", "value", "lower", "upper")
TOLERANCE = 1e-9
# Statistics whose value is a count of something or an amount of money: these are the same to the last digit.
EXACT = ("count", "sum", "distinct", "stock")
EXAMPLES = 10


@dataclass(frozen=True)
class Comparison:
    """How two tables compare. `differing` has the rows that do not agree, up to ten: their keys and both numbers."""

    table: str
    rows_duckdb: int
    rows_spark: int
    only_one: int
    different: int
    examples: list[tuple]

    @property
    def agrees(self) -> bool:
        """True when each row of one engine is a row of the other."""
        return self.rows_duckdb > 0 and self.rows_duckdb == self.rows_spark and not self.only_one and not self.different

    def __str__(self) -> str:
        counts = f"{self.rows_duckdb:,} rows on DuckDB, {self.rows_spark:,} on Spark, {self.only_one:,} on one only, {self.different:,} different"
        return "\n  ".join([f"{self.table}: {counts}", *map(str, self.examples)])


def compare(database: Path, warehouse: Path) -> list[Comparison]:
    """Compare every KPI value: counts and amounts of money exactly, other numbers up to 1e-9 of themselves.

    Args: database: the build database of DuckDB; it is only read. warehouse: the folder of Spark's tables.
    Returns: one comparison per table.
    """
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(database))} as build (read_only)")
        connection.execute("create view catalogue as select metric_code, statistic from build.seeds.metric_catalogue")
        return [_compare(connection, table, warehouse / "kpis.db" / table) for table in COMPARED]


def _compare(connection: duckdb.DuckDBPyConnection, table: str, files: Path) -> Comparison:
    same_key = " and ".join(f"ours.{column} is not distinct from theirs.{column}" for column in KEY)
    close = " and ".join(
        f"(ours.{column} is not distinct from theirs.{column} or catalogue.statistic not in {EXACT}"
        f" and abs(ours.{column} - theirs.{column}) <= {TOLERANCE} * greatest(abs(ours.{column}), 1))"
        for column in NUMBERS
    )
    same = " and ".join(f"ours.{column} is not distinct from theirs.{column}" for column in (*TEXTS, "n"))
    connection.execute(
        f"""create or replace temp table compared as
        select {", ".join(f"coalesce(ours.{column}, theirs.{column}) as {column}" for column in KEY)},
            ours.metric_code is null or theirs.metric_code is null as is_in_one_only,
            coalesce({close} and {same}, false) as agrees,
            {", ".join(f"(ours.{column}, theirs.{column}) as {column}" for column in (*NUMBERS, "n", "status"))}
        from build.kpis.{table} as ours
        full join read_parquet({literal(str(files / "*.parquet"))}) as theirs on {same_key}
        left join catalogue on coalesce(ours.metric_code, theirs.metric_code) = catalogue.metric_code"""
    )
    rows_duckdb, rows_spark = (
        connection.execute(f"select count(*) from {relation}").fetchone()[0]
        for relation in (f"build.kpis.{table}", f"read_parquet({literal(str(files / '*.parquet'))})")
    )
    only_one, different = connection.execute(
        "select count(*) filter (where is_in_one_only), count(*) filter (where not agrees and not is_in_one_only) from compared"
    ).fetchone()
    examples = connection.execute(f"select * from compared where not agrees order by all limit {EXAMPLES}").fetchall()
    return Comparison(table, rows_duckdb, rows_spark, only_one, different, examples)


def main() -> None:
    """Build on a cluster of its own and print how that compares with DuckDB's build; ends with code 1 when they differ."""
    with Cluster() as cluster:
        build(cluster.port, lambda line: print(line, flush=True))
    found = compare(settings().database, folder() / "warehouse")
    for comparison in found:
        print(comparison)
    sys.exit(0 if all(comparison.agrees for comparison in found) else 1)


if __name__ == "__main__":
    main()
