"""What counts as the same on two engines, and that each difference between them is spelled for both."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import duckdb
import pytest

from distributed.build import external_tables, write_landed
from distributed.comparison import COMPARED, compare
from tests.conftest import PROJECT

COLUMNS = (
    "metric_code, definition_version, place_key, place_level, place_path, period_type, period_start, period_end, breakdown_type,"
    " breakdown_value, numerator, denominator, value, n, lower, upper, unit, currency, status, as_of, run_id"
)
COUNT = {"metric_code": "P01", "numerator": 7.0, "denominator": None, "value": 7.0, "n": 7, "currency": None}
RATE = {"metric_code": "R02", "numerator": 2.0, "denominator": 3.0, "value": 2 / 3, "n": 3, "currency": None}
MONEY = {"metric_code": "F01", "numerator": 0.3, "denominator": None, "value": 0.3, "n": 2, "currency": "CNY"}
SAME = {
    "definition_version": 1, "place_key": "d:1", "place_level": "town", "place_path": "d / 1", "period_type": "month",
    "period_start": date(2026, 3, 1), "period_end": date(2026, 4, 1), "breakdown_type": "none", "breakdown_value": "total",
    "lower": None, "upper": None, "unit": "x", "status": "ok", "as_of": date(2026, 3, 31), "run_id": "1",
}  # fmt: skip


def compared(tmp_path: Path, on_spark: list[dict]) -> bool:
    """Whether three KPI values on DuckDB agree with those on Spark."""
    database, warehouse = tmp_path / "gmw_build.duckdb", tmp_path / "warehouse"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema kpis; create schema seeds")
        connection.execute(
            "create table seeds.metric_catalogue as from (values ('P01', 'count'), ('R02', 'proportion'), ('F01', 'sum'))"
            " as metrics (metric_code, statistic)"
        )
        for table in COMPARED:
            (warehouse / "kpis.db" / table).mkdir(parents=True)
            for name, rows in (("ours", [COUNT, RATE, MONEY]), ("theirs", on_spark)):
                connection.execute(
                    f"create or replace temp table {name} (metric_code text, definition_version int, place_key text, place_level text,"
                    " place_path text, period_type text, period_start date, period_end date, breakdown_type text, breakdown_value text,"
                    " numerator double, denominator double, value double, n bigint, lower double, upper double, unit text, currency text,"
                    " status text, as_of date, run_id text)"
                )
                names = COLUMNS.split(", ")
                for row in rows:
                    values = [{**SAME, **row}[key] for key in names]
                    connection.execute(f"insert into {name} values ({', '.join('?' * len(names))})", values)
            connection.execute(f"create table kpis.{table} as from ours")
            connection.execute(f"copy theirs to '{warehouse / 'kpis.db' / table / 'part-0.parquet'}' (format parquet)")
    return all(comparison.agrees for comparison in compare(database, warehouse))


@pytest.mark.parametrize(
    ("on_spark", "agrees"),
    [
        ([COUNT, RATE, MONEY], True),
        ([COUNT, {**RATE, "value": 2 / 3 + 1e-12}, MONEY], True),
        ([COUNT, {**RATE, "value": 2 / 3 + 1e-8}, MONEY], False),
        ([{**COUNT, "value": 7.000000000001}, RATE, MONEY], False),
        ([COUNT, RATE, {**MONEY, "numerator": 0.1 + 0.2}], False),
        ([COUNT, {**RATE, "n": 4}, MONEY], False),
        ([COUNT, {**RATE, "value": None}, MONEY], False),
        ([COUNT, {**RATE, "status": "low_n"}, MONEY], False),
        ([COUNT, RATE], False),
        ([COUNT, RATE, MONEY, {**MONEY, "place_key": "d:2"}], False),
        ([], False),
    ],
    ids=[
        "same", "last bits of a rate", "another rate", "last bits of a count", "last bits of money", "another n", "no value",
        "another status", "a row less", "a row more", "nothing",
    ],
)  # fmt: skip
def test_counts_and_money_agree_to_the_last_digit_and_rates_up_to_1e_9(tmp_path: Path, on_spark: list[dict], agrees: bool) -> None:
    assert compared(tmp_path, on_spark) is agrees


def test_every_landed_table_is_written_and_nothing_else(tmp_path: Path) -> None:
    database = tmp_path / "gmw_build.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema raw; create schema kpis; create table kpis.kpi_value (x int)")
        connection.execute("create table raw.ledger as select i, 'é' as word from range(3) as numbers (i); create table raw.none_yet (x text)")
    rows = write_landed(database, tmp_path / "landed")
    assert rows == {"raw.ledger": 3, "raw.none_yet": 0}
    assert duckdb.connect().execute(f"from '{tmp_path}/landed/raw/ledger/*.parquet'").fetchall() == [(0, "é"), (1, "é"), (2, "é")]
    assert external_tables(tmp_path / "landed", rows)[2].endswith(f"using parquet location 'file:{tmp_path}/landed/raw/ledger'")


def test_every_difference_is_spelled_for_both_engines() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "dbt_project" / "macros").glob("*.sql"))
    dispatched = set(re.findall(r"adapter\.dispatch\('(\w+)'\)", sources))
    assert len(dispatched) > 20
    assert {engine: dispatched - set(re.findall(rf"macro {engine}__(\w+)\(", sources)) for engine in ("default", "spark")} == {
        "default": set(), "spark": set(),
    }  # fmt: skip
