"""What holds for every input: the models' own SQL on random rows, in tables that the test fills."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.dbt.project_sql import model, rendered

EXAMPLES = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
PLACES = ["d", "t1", "t2", "c1", "c2", "c3", "e1", "e2"]
MONTHS = [date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]


BY_KIND = rendered("select breakdown_type, sum(amount) from {{ broken_down('facts', {'kind': 'kind'}) }} group by all")
SHARE_WITH_INTERVAL = rendered(
    "select {{ wilson('$hits::double', '$n::double', -1) }}, $hits / $n, {{ wilson('$hits::double', '$n::double', 1) }}"
)


# --- roll-up = recomputation, totals = sums of their parts ----------------------------------------------------------------

component_rows = some.lists(
    some.tuples(
        some.sampled_from(["cases_raised", "raised_amount"]), some.sampled_from(PLACES), some.sampled_from(MONTHS),
        some.sampled_from([None, "CNY", "GBP"]), some.decimals(-1000, 1000, places=2),
    ),
    max_size=30,
)  # fmt: skip
towns_of_c2 = some.tuples(some.sampled_from(["t1", "t2"]), some.sampled_from(["t1", "t2"]), some.sampled_from(MONTHS))


def parents(c2: tuple[str, str, date], day: date) -> dict[str, str]:
    """The tree on a day: c2 moves from one town to the other at the beginning of a month."""
    before, after, moves = c2
    return {"t1": "d", "t2": "d", "c1": "t1", "c2": after if day >= moves else before, "c3": "t2", "e1": "c1", "e2": "c2"}


def line(place: str, parent_of: dict[str, str]) -> list[str]:
    found = [place]
    while found[-1] in parent_of:
        found.append(parent_of[found[-1]])
    return found


def periods_of(month: date) -> list[tuple[str, date]]:
    quarter = date(month.year, month.month - (month.month - 1) % 3, 1)
    return [("month", month), ("quarter", quarter), ("year", date(month.year, 1, 1)), ("all", MONTHS[0])]


@EXAMPLES
@given(rows=component_rows, c2=towns_of_c2)
def test_what_is_rolled_up_is_what_one_gets_from_the_rows_themselves(rows: list, c2: tuple) -> None:
    connection = duckdb.connect()
    connection.execute("""
        create table kpi_component (topic varchar, component varchar, place_key varchar, period_month date, wave_start date,
            wave_end date, breakdown_type varchar, breakdown_value varchar, currency varchar, amount decimal(38, 9), as_of_date date);
        create table int_place_ancestor (place_key varchar, ancestor_place_key varchar, distance integer, tree varchar,
            counts_from date, counts_to date);
        create table int_period (tree varchar, period_month date, period_type varchar, period_start date, period_end date);
    """)
    for component, place, month, currency, amount in rows:
        connection.execute(
            "insert into kpi_component values ('t', ?, ?, ?, null, null, 'none', 'total', ?, ?, ?)",
            [component, place, month, currency, amount, month],
        )
    connection.executemany(
        "insert into int_place_ancestor values (?, ?, ?, 'tree', ?, ?)",
        [
            [place, above, distance, begin, end]
            for place in PLACES
            for begin, end, day in ((None, c2[2], date.min), (c2[2], None, c2[2]))
            for distance, above in enumerate(line(place, parents(c2, day)))
        ],
    )
    connection.executemany(
        "insert into int_period values ('tree', ?, ?, ?, ?)",
        [[month, kind, start, start + timedelta(days=1)] for month in MONTHS for kind, start in periods_of(month)],
    )
    expected: dict[tuple, Decimal] = defaultdict(Decimal)
    for component, place, month, currency, amount in rows:
        for above in line(place, parents(c2, month)):
            for kind, start in periods_of(month):
                expected[component, above, kind, start, currency] += amount
    found = connection.execute(
        f"select component, place_key, period_type, period_start, currency, amount from ({model('kpis/kpi_component_rollup.sql')})"
    ).fetchall()
    assert {row[:5]: row[5] for row in found} == expected
    assert len(found) == len(expected)


@EXAMPLES
@given(rows=some.lists(some.tuples(some.sampled_from([None, "讲座", "会议", "unknown"]), some.integers(-5, 500)), max_size=20))
def test_the_members_of_a_breakdown_add_up_to_the_total_whatever_is_unknown(rows: list) -> None:
    connection = duckdb.connect()
    connection.execute("create table facts (kind varchar, amount integer)")
    for row in rows:
        connection.execute("insert into facts values (?, ?)", list(row))
    total = sum(amount for _, amount in rows)
    assert dict(connection.execute(BY_KIND).fetchall()) == ({"none": total, "kind": total} if rows else {})


# --- rates and their intervals --------------------------------------------------------------------------------------------


@EXAMPLES
@given(n=some.integers(1, 10_000_000), share=some.floats(0, 1))
def test_a_proportion_and_its_interval_stay_between_0_and_1(n: int, share: float) -> None:
    counted = {"hits": min(n, round(n * share)), "n": n}
    lower, value, upper = duckdb.connect().execute(SHARE_WITH_INTERVAL, counted).fetchone()
    assert -1e-12 <= lower <= value + 1e-12 and value - 1e-12 <= upper <= 1 + 1e-12


# --- the order of arrival -------------------------------------------------------------------------------------------------

files = some.lists(
    some.lists(some.tuples(some.integers(1, 4), some.integers(0, 9)), max_size=4), min_size=1, max_size=4
).flatmap(lambda found: some.tuples(some.just(found), some.permutations(range(len(found)))))


DELIVERIES = [
    {"mode": "append"},
    {"mode": "append", "overlapping": True},
    {"mode": "snapshot"},
    {"mode": "period", "columns": ["key"]},
    {"mode": "upsert", "key": ["key"]},
    {"mode": "upsert", "key": ["key"], "order_by": ["value"]},
]
DELIVERED_ROWS = {
    ", ".join([delivery["mode"], *list(delivery)[1:]]): rendered(
        "select key, value, _file_id, _row_no from {{ delivered_rows('ledger') }} order by all",
        ingest_declaration=lambda source, delivery=delivery: {"delivery": delivery},
        stored_columns=lambda source: ["key", "value"],
    )
    for delivery in DELIVERIES
}


@pytest.mark.parametrize("mode", DELIVERED_ROWS)
@EXAMPLES
@given(arrived=files)
def test_the_order_in_which_dated_files_arrive_changes_nothing(mode: str, arrived: tuple) -> None:
    contents, order = arrived

    def delivered(sequence: list[int]) -> list[tuple]:
        connection = duckdb.connect()
        connection.execute("""
            create table raw_ledger (key integer, value integer, _file_id varchar, _row_no bigint, _batch_id varchar);
            create table ops_batch (batch_id varchar, status varchar, batch_no bigint);
            create table ops_file (
                file_id varchar, source varchar, as_of date, revision integer, retrieved_at timestamptz, delivered_at timestamptz);
        """)
        for batch_no, number in enumerate(sequence):
            connection.execute("insert into ops_batch values (?, 'accepted', ?)", [f"b{number}", batch_no])
            as_of = date(2026, 1, 31) + timedelta(days=31 * (number // 2))
            connection.execute("insert into ops_file values (?, 'ledger', ?, ?, now(), now())", [f"f{number}", as_of, number % 2])
            for row_no, (key, value) in enumerate(contents[number], 1):
                row = [key, value, f"f{number}", row_no, f"b{number}"]
                connection.execute("insert into raw_ledger values (?, ?, ?, ?, ?)", row)
        return connection.execute(DELIVERED_ROWS[mode]).fetchall()

    assert delivered(list(order)) == delivered(list(range(len(contents))))
