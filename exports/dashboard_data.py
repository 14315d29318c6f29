"""The figures that the dashboard carries: columns of numbers, each key a place in a list, packed with gzip.

All totals down to the third level of places and of every period; by question what surveys asked, by source the money. What else there
is stands in kpi.csv and marts.duckdb, and the page says so.
"""

from __future__ import annotations

import base64
import gzip
import io
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from exports import words
from exports.figures import Published

DEEPEST = 2  # levels of places below the top of a tree: district, town, community
MOST_FIGURES = 450_000  # seven to eight bytes each in the page, which is to stay below 5 MB
# What is left out where there would be more, step by step: short periods at the deepest level of what is no headline metric.
LEFT_OUT = ("false", *(f"depth = {DEEPEST} and not is_headline and period_type in {types}" for types in ("('month')", "('month', 'quarter')")))
# From a promise of money to its use.
FUNDING_FLOW = ("F01.raised", "F02.awarded", "F02.disbursed", "F02.spent")

CARRIED = f"""
depth <= {DEEPEST} and (
    breakdown_type = 'none'
    or breakdown_type = 'question' and (period_type in ('all', 'wave') or is_headline_question)
    or breakdown_type = 'source_type' and metric_code in {FUNDING_FLOW} and (depth < {DEEPEST} or period_type in ('all', 'year'))
)"""

# List → the columns that identify an entry, those told with it, and the order.
LISTS = {
    "metrics": ("metric_code", "name_zh, name_en, family, unit, direction, is_headline, metric_rank", "metric_rank, metric_code"),
    "periods": ("period_type, period_start, period_end", "period_rank", "period_rank, period_start, period_end"),
    "members": (
        "breakdown_type, breakdown_value", "breakdown_label, is_headline_question, breakdown_rank",
        "breakdown_type <> 'none', breakdown_type, not is_headline_question, breakdown_rank, breakdown_value",
    ),
    "currencies": ("currency", "", "currency nulls first"),
    "statuses": ("status", "", "status"),
    "days": ("as_of", "", "as_of"),
}  # fmt: skip

PLACES = """
with recursive shown as (
    from place where place_key in (select place_key from carried)
    union
    select place.* from place join shown on shown.parent_place_key = place.place_key
)
select place_key, tree, place_name, place_name_en, parent_place_key, depth, place_level
from shown order by place_order
"""

COLUMNS = {
    "metric": "metric_no", "place": "place_no", "period": "period_no", "member": "member_no", "currency": "currency_no",
    "status": "status_no", "day": "day_no", "n": "n",
    "numerator": "if(has_base, cast(round(as_shown(numerator, null), 2) as double), null)",
    # mostly n itself, and then not told again
    "denominator": "if(has_base and denominator <> n, cast(round(as_shown(denominator, null), 2) as double), null)",
    **{name: f"try_cast(replace({name}_text, '.', '') as bigint)" for name in ("value", "lower", "upper")},
    **{f"{name}_decimals": f"len({name}_text) - len(split_part({name}_text, '.', 1)) - if(contains({name}_text, '.'), 1, 0)"
       for name in ("value", "lower", "upper")},
}  # fmt: skip
CURVE_COLUMNS = {
    "place": "place_no", "period": "period_no", "days": "elapsed_days", "n": "n", "at_risk": "at_risk_count",
    "open": "round(open_share, 3)", "lower": "round(lower, 3)", "upper": "round(upper, 3)",
}  # fmt: skip


def carry(published: Published) -> int:
    """Choose the figures that the page carries, as the temporary table `carried`.

    Returns: how many steps of LEFT_OUT it took to stay below MOST_FIGURES; the last one where none is enough.
    """
    counts = ", ".join(f"count(*) filter (not ({condition}))" for condition in LEFT_OUT)
    (found,) = published.connection.execute(f"select {counts} from figure where {CARRIED}").fetchall()
    step = next((step for step, count in enumerate(found) if count <= MOST_FIGURES), len(LEFT_OUT) - 1)
    # A number is carried as it is shown: its digits as a whole number, and how many of them are decimals.
    texts = ", ".join(f"replace({name}_display, '%', '') as {name}_text" for name in ("value", "lower", "upper"))
    published.connection.execute(
        f"""
        create or replace temp table carried as
        select metric_code, name_zh, name_en, family, unit, direction, is_headline, metric_rank, place_key,
            period_type, period_start, period_end, period_rank, breakdown_type, breakdown_value, breakdown_label, breakdown_rank,
            is_headline_question, currency, status, as_of, n, numerator, denominator, {texts},
            unit is distinct from 'money' and numerator is distinct from "value" and denominator is not null as has_base
        from figure where {CARRIED} and not ({LEFT_OUT[step]})
        """
    )
    return step


def lists(published: Published) -> dict[str, list[dict[str, Any]]]:
    """The lists that the columns point into: metrics, places, periods, members of breakdowns, currencies, statuses, days.

    Reads `carried`; leaves a temporary table per list for `packed`.
    """
    connection = published.connection
    found = {}
    for name, (keys, told, order) in LISTS.items():
        columns = f"{keys}, {told}" if told else keys
        connection.execute(
            f"create or replace temp table list_{name} as select *, row_number() over (order by {order}) - 1 as no "
            f"from (select distinct on ({keys}) {columns} from carried order by {keys}, {order})"
        )
        found[name] = published.rows(f"select * exclude (no) from list_{name} order by no")
    connection.execute(f"create or replace temp table list_places as select *, row_number() over () - 1 as no from ({PLACES})")
    found["places"] = published.rows("select * exclude (no) from list_places order by no")
    for period in found["periods"]:
        period["label"] = words.period(period)
        start, end = period.pop("period_start"), period.pop("period_end")
        period["start"], period["last"] = (str(start or ""), str(end - timedelta(days=1)) if end else "")
    return found


def packed(published: Published) -> str:
    """The figures and the survival curves as JSON, gzip and base64, in that order; `lists` comes first."""
    numbered = """
        select list_metrics.no as metric_no, list_places.no as place_no, list_periods.no as period_no, list_members.no as member_no,
            list_currencies.no as currency_no, list_statuses.no as status_no, list_days.no as day_no, carried.*
        from carried
        join list_metrics using (metric_code) join list_places using (place_key)
        join list_periods on (carried.period_type, carried.period_start, carried.period_end)
            is not distinct from (list_periods.period_type, list_periods.period_start, list_periods.period_end)
        join list_members using (breakdown_type, breakdown_value)
        join list_currencies on carried.currency is not distinct from list_currencies.currency
        join list_statuses using (status) join list_days using (as_of)
        order by metric_no, place_no, member_no, currency_no, period_no"""
    return compressed(_json(published, {"figures": (numbered, COLUMNS), "curves": (_curves(published), CURVE_COLUMNS)}))


def compressed(pieces: Iterable[str]) -> str:
    """The pieces of a text as one gzip in base64, the same each time."""
    found = io.BytesIO()
    with gzip.GzipFile(fileobj=found, mode="wb", compresslevel=6, mtime=0) as file:
        for piece in pieces:
            file.write(piece.encode())
    return base64.b64encode(found.getbuffer()).decode()


def _curves(published: Published) -> str:
    """A query of the survival curves of all time and years, of quarters above the deepest level; of none in a version that was
    published without them."""
    if not published.rows("select 1 from duckdb_tables() where table_name = 'kpi_survival_curve'"):
        return (
            "select 0 as place_no, 0 as period_no, 0 as elapsed_days, 0 as n, 0 as at_risk_count, 0.0 as open_share, "
            '0.0 as "lower", 0.0 as "upper" where false'
        )
    return f"""
        select list_places.no as place_no, list_periods.no as period_no, curve.*
        from kpi_survival_curve as curve
        join list_places using (place_key) join list_periods using (period_type, period_start, period_end)
        where period_type in ('all', 'year') or period_type = 'quarter' and depth < {DEEPEST}
        order by place_no, period_no, elapsed_days"""


def _json(published: Published, tables: dict[str, tuple[str, dict[str, str]]]) -> Iterator[str]:
    """Queries as JSON, piece by piece: an object per table, in it an array per column, in the order of the rows.

    Args: tables: name of each to its query and to its columns, name to expression.
    """
    for number, (table, (query, columns)) in enumerate(tables.items()):
        yield ("," if number else "{") + f'"{table}":'
        published.connection.execute(f"create or replace temp table ordered as {query}")
        for position, (name, expression) in enumerate(columns.items()):
            array = f"string_agg(coalesce(cast({expression} as varchar), 'null'), ',' order by rowid)"
            ((text,),) = published.connection.execute(f"select coalesce({array}, '') from ordered").fetchall()
            yield ("," if position else "{") + f'"{name}":[{text}]'
        yield "}"
    yield "}"
