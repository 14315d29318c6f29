"""The published figures as people see them: named, rounded (exports/rounding.py), ordered. Every export reads these rows and no
others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from exports import rounding, words
from exports.periods import Period
from exports.publication import open_current
from ingest.settings import settings
from ingest.sql import literal

Row = dict[str, Any]

AUDIENCES = {"internal": "kpi_value", "public": "kpi_value_public"}  # who reads the figures, and from which table
QUESTIONS_SHOWN = 4  # headline cards of one metric that has no total row, e.g. satisfaction by question
TREND_PERIODS = 36
MEMORY_BYTES = 600e6  # of DuckDB, for one export; the rest of the process needs about 300 MB
RESTATED_NUMBERS = ("difference", "relative_difference", *(
    f"{side}_{name}" for side in ("old", "new") for name in ("value", "numerator", "denominator", "n")
))  # fmt: skip
FAMILY_LIST = ", ".join(f"'{family}'" for family in words.FAMILIES)


@dataclass(frozen=True)
class Published:
    """The current version, open for reading: the row of its table `publication`, and a connection.

    `audience` says whose figures they are; `period` the one that is reported on, None: all there are.
    """

    publication: Row
    connection: duckdb.DuckDBPyConnection
    audience: str = "internal"
    period: Period | None = None

    @property
    def version(self) -> str:
        """The name of the version."""
        return self.publication["version"]

    def rows(self, query: str, parameters: list | dict | None = None) -> list[Row]:
        """The result of a query as one dict per row."""
        found = self.connection.execute(query, parameters)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row)) for row in found.fetchall()]


@contextmanager
def current(audience: str = "internal", period: Period | None = None) -> Iterator[Published]:
    """Open the current version read-only, with the temporary table `place` and the view `figure` ready.

    The link is resolved once: a publication meanwhile does not mix two versions. For the public the name `kpi_value` stands for
    kpi_value_public on this connection: what the audiences are shown differs in suppression and in nothing else.

    `figure` has one row per row of kpi_value, with the catalogue's names, the place, `depth` (0: top of its tree),
    `value_display`, `lower_display`, `upper_display` (rounded, `%` for shares, NULL where there is no number) and
    `digits` (decimals shown). Suppressed rows carry no number at all. With a period there are its figures and those of the
    earlier periods of its type; `reported_figure` has those of the period itself.

    Args: audience: internal or public. period: report on this one.
    Raises: NothingPublished when there is no current version. ValueError for another audience. LookupError when the period has
        no figures.
    """
    if audience not in AUDIENCES:
        raise ValueError(f"audience: expected {' or '.join(AUDIENCES)}, found {audience!r}")
    connection = open_current()
    try:
        yield _prepared(connection, audience, period)
    finally:
        connection.close()


@contextmanager
def beside(published: Published) -> Iterator[Published]:
    """The same version, audience and period on a connection of its own: for another thread."""
    connection = published.connection.cursor()
    try:
        yield _prepared(connection, published.audience, published.period)
    finally:
        connection.close()


def _prepared(connection: duckdb.DuckDBPyConnection, audience: str, period: Period | None) -> Published:
    """Make what `current` promises on a connection to a version."""
    _use_little_memory(connection)
    if AUDIENCES[audience] != "kpi_value":
        (database,) = connection.execute("select current_database()").fetchone()
        connection.execute(f'create temp view kpi_value as from "{database}".main.{AUDIENCES[audience]}')
        _hide_restatements(connection, database)
    if not connection.execute("select 1 from duckdb_tables() where table_name = 'kpi_target'").fetchone():
        connection.execute(TARGETS)
    connection.execute(rounding.macros())
    connection.execute(PLACE)
    published = Published({}, connection, audience, period)
    _report_on(published)
    (publication,) = published.rows("from publication")
    publication["gates"] = json.loads(publication["gates"] or "[]")
    published.publication.update(publication)
    return published


def _hide_restatements(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Tell the public which figures were restated and why, of those metrics only of which nothing is hidden from it, and without
    numbers or files: what a figure was before may have been hidden from the public then, and this version does not know."""
    if connection.execute("select 1 from duckdb_tables() where table_name = 'kpi_restatement'").fetchone():
        numbers = ", ".join(f"null as {name}" for name in RESTATED_NUMBERS)
        connection.execute(
            f"""create temp view kpi_restatement as
            select * replace ({numbers}, true as is_hidden) from "{database}".main.kpi_restatement
            where metric_code not in (select metric_code from kpi_value where status = 'suppressed')
                and metric_code in (select metric_code from kpi_catalogue where not counts_people);
            create temp view kpi_restatement_cause as from "{database}".main.kpi_restatement_cause where false"""
        )


def _use_little_memory(connection: duckdb.DuckDBPyConnection) -> None:
    """What does not fit into a part of the memory goes to the scratch folder, never into the version that is read."""
    settings().scratch.mkdir(parents=True, exist_ok=True)
    connection.execute(f"set temp_directory = {literal(str(settings().scratch))}").complete()
    connection.execute(f"set memory_limit = '{int(min(settings().memory_limit_bytes, MEMORY_BYTES))}B'").complete()


def _report_on(published: Published) -> None:
    """Make the views `figure` and `reported_figure`: what a report on the period of `published` shows, and what it is about."""
    period = published.period
    if period is None:
        published.connection.execute(f"create temp view figure as {FIGURE}; create temp view reported_figure as from figure")
        return
    kept = (
        f"(period_type = '{period.period_type}' and period_start <= date '{period.start}' "
        f"or period_type = 'wave' and period_end <= date '{period.end}')"
    )
    reported = f"period_type = '{period.period_type}' and period_start = date '{period.start}'"
    # A wave is reported on in the period in which it ended.
    reported += f" or period_type = 'wave' and period_end > date '{period.start}' and period_end <= date '{period.end}'"
    published.connection.execute(f"create temp view figure as from ({FIGURE}) where {kept}")
    published.connection.execute(f"create temp view reported_figure as from figure where {reported}")
    (found,) = published.connection.execute("select count(*) from reported_figure").fetchone()
    if not found:
        there = published.rows(
            "select strftime(min(period_start), '%Y-%m-%d') as first, strftime(max(period_start), '%Y-%m-%d') as last from kpi_value "
            "where period_type = $kind", {"kind": period.period_type}
        )[0]  # fmt: skip
        raise LookupError(
            f"period {period}: expected a {period.period_type} that has figures, found none; they begin on {there['first']} and the "
            f"last one begins on {there['last']}"
        )


# A place key may have several validity periods: the latest names it. A place whose parent is unknown starts a tree.
PLACE = """
create temp table place as
with recursive named as (
    from dim_place qualify row_number() over (partition by place_key order by valid_from desc nulls last) = 1
),
nested as (
    select place_key, place_key as root_key, 0 as depth from named
    where parent_place_key is null or parent_place_key not in (select place_key from named)
    union all
    select child.place_key, parent.root_key, parent.depth + 1
    from named as child join nested as parent on child.parent_place_key = parent.place_key
),
-- The tree about which most is known comes first.
trees as (
    select named.tree, row_number() over (
        order by count(distinct kpi_value.metric_code) filter (where kpi_value.value is not null) desc, named.tree
    ) as tree_rank
    from named left join kpi_value using (place_key) group by named.tree
)
select named.place_key, named.tree, named.place_name, named.place_name_en, named.place_level, named.place_path,
    named.parent_place_key, nested.root_key, nested.depth, trees.tree_rank,
    row_number() over (
        order by trees.tree_rank, nested.depth, named.place_level = 'unknown', named.place_path, named.place_key
    ) as place_order
from named join nested using (place_key) join trees on trees.tree is not distinct from named.tree
"""

# Not a table: naming and rounding cost less than keeping a million rows with all their names.
FIGURE = f"""
with definition as (
    select *, rowid as metric_rank from kpi_catalogue
    qualify row_number() over (partition by metric_code order by definition_version desc) = 1
),
visible as (
    select metric_code, definition_version, place_key, place_level, place_path, period_type, period_start, period_end,
        breakdown_type, breakdown_value, unit, currency, status, as_of, run_id,
        if(status = 'suppressed', null, numerator) as numerator,
        if(status = 'suppressed', null, denominator) as denominator,
        if(status = 'suppressed', null, "value") as "value", if(status = 'suppressed', null, n) as n,
        if(status = 'suppressed', null, "lower") as "lower", if(status = 'suppressed', null, "upper") as "upper"
    from kpi_value
),
figures as (
    select visible.*, definition.* exclude (metric_code, definition_version, unit),
        least(coalesce(definition.decimals, 2), 6) as wanted
    from visible left join definition using (metric_code)
),
numbered as (
    select *,
        digits_shown("value", unit, wanted) as digits, digits_shown("lower", unit, wanted) as lower_digits,
        digits_shown("upper", unit, wanted) as upper_digits
    from figures
)
select numbered.metric_code, definition_version, coalesce(family, 'other') as family,
    coalesce(name_zh, metric_code) as name_zh, coalesce(name_en, '') as name_en,
    coalesce(numbered.is_headline, false) as is_headline, direction, coalesce(metric_rank, 9999) as metric_rank,
    numbered.place_key, numbered.place_level, numbered.place_path, tree, place_name, place_name_en, root_key,
    coalesce(depth, 99) as depth, coalesce(tree_rank, 99) as tree_rank, coalesce(place_order, 2147483647) as place_order,
    period_type, period_start, period_end, breakdown_type, breakdown_value,
    coalesce(list_position([{FAMILY_LIST}], family), 99) as family_rank,
    case period_type when 'all' then 0 when 'wave' then 1 when 'year' then 2 when 'quarter' then 3 else 4 end
        as period_rank,
    coalesce(dim_question.question_text, if(breakdown_value = 'unknown', '未知 unknown', breakdown_value))
        as breakdown_label,
    coalesce(dim_question.is_headline, false) as is_headline_question,
    coalesce(
        try_cast(regexp_extract(breakdown_value, '^[0-9]+') as integer),
        if(breakdown_value = 'unknown', 2147483647, 2147483646)
    ) as breakdown_rank,
    numerator, denominator, "value", n, "lower", "upper", unit, currency, status, as_of, run_id, digits,
    shown("value", unit, digits) as value_display,
    shown("lower", unit, lower_digits) as lower_display,
    shown("upper", unit, upper_digits) as upper_display
from numbered left join place using (place_key)
left join dim_question on breakdown_type = 'question' and breakdown_value = dim_question.question_key
"""

# A version that was published before there were targets.
TARGETS = """
create temp table kpi_target (
    place_key varchar, metric_code varchar, period_type varchar, period_start date, currency varchar, "value" double
)
"""

ORDER = """place_order, place_key, family_rank, metric_rank, metric_code,
    breakdown_type <> 'none', breakdown_type,
    not is_headline_question, breakdown_rank, breakdown_value, currency nulls first, period_rank, period_start desc"""


def headlines(published: Published) -> list[Row]:
    """The headline figures of the top place of each tree, in order.

    One row per metric and currency: the latest wave of what is surveyed (waves pooled would describe no moment), else all
    time, or the latest period where the metric has no all-time row. A
    metric without a total row (satisfaction by question) gives the overall question of its instruments, or, where none
    is declared, the four questions with the largest n. The key `recent`
    holds the same figure for the wave before, else for the latest complete year and quarter, as far as there are any.
    """
    chosen = published.rows(
        f"""
        with candidate as (
            from figure where is_headline and depth = 0
            qualify (breakdown_type = 'none' or not bool_or(breakdown_type = 'none') over (partition by place_key, metric_code))
                and is_headline_question = bool_or(is_headline_question) over (partition by place_key, metric_code)
        ),
        latest as (
            from candidate
            qualify dense_rank() over (
                partition by place_key, metric_code
                order by period_type <> 'wave', period_rank, period_start desc nulls last) = 1
        )
        from latest
        qualify row_number() over (
            partition by place_key, metric_code, currency, breakdown_type
            order by n desc nulls last, breakdown_rank, breakdown_value) <= {QUESTIONS_SHOWN}
        order by {ORDER}
        """
    )
    complete = published.rows(
        """
        from figure where is_headline and depth = 0 and period_type in ('wave', 'year', 'quarter')
            and value is not null and status <> 'partial' and period_end <= as_of + 1
        qualify row_number() over (
            partition by place_key, metric_code, breakdown_type, breakdown_value, currency, period_type
            order by period_start desc) <= if(period_type = 'wave', 2, 1)
        order by period_rank, period_start desc
        """
    )
    for row in chosen:
        others = [other for other in complete if _figure_key(other) == _figure_key(row)]
        waves = [other for other in others if other["period_type"] == "wave"]  # a survey's own periods
        own = (row["period_type"], row["period_start"])
        row["recent"] = [other for other in waves or others if (other["period_type"], other["period_start"]) != own]
    return chosen


def _figure_key(row: Row) -> tuple:
    return tuple(row[name] for name in ("place_key", "metric_code", "breakdown_type", "breakdown_value", "currency"))


def trend(published: Published, family: str, root_key: str | None = None) -> list[Row]:
    """The latest periods of a family's headline metric at the top of a tree, oldest first; empty when there are fewer
    than two.

    Taken are: a share before other units, the finest periods of which three rest on enough observations (a line through
    small samples would show chance), the currency with most.

    Args: family: a family of the catalogue. root_key: place key of the top of a tree; None: the first tree that has any.
    """
    return published.rows(
        f"""
        with candidate as (
            from figure where family = $family and is_headline and depth = 0 and breakdown_type = 'none'
                and period_type in ('year', 'quarter', 'month', 'wave') and (place_key = $root_key or $root_key is null)
        ),
        series as (
            select tree_rank, place_key, metric_rank, metric_code, currency, period_type, period_rank, unit,
                count(value) as points, count(value) filter (status <> 'low_n') as sound_points
            from candidate group by all having count(value) >= 2
        ),
        chosen as (
            from series
            order by tree_rank, sound_points < 3, unit <> 'share', metric_rank, period_rank desc, points desc, currency limit 1
        )
        select candidate.* from candidate
        join chosen on chosen.place_key = candidate.place_key and chosen.metric_code = candidate.metric_code
            and chosen.period_type = candidate.period_type and chosen.currency is not distinct from candidate.currency
        qualify row_number() over (order by candidate.period_start desc) <= {TREND_PERIODS}
        order by candidate.period_start
        """,
        {"family": family, "root_key": root_key},
    )


def by_question(published: Published, root_key: str | None = None, limit: int = 20) -> list[Row]:
    """The latest satisfaction figures by question at the top of a tree, best first; a share before other units, the waves of the
    instrument with the overall question before those of smaller ones.

    Args: root_key: as for `trend`. limit: at most this many questions, those with the largest n.
    """
    return published.rows(
        """
        with candidate as (
            select *, bool_or(is_headline_question) over (partition by place_key, metric_code, period_type, period_start) as has_overall
            from figure where family = 'satisfaction' and breakdown_type = 'question' and depth = 0
                and value is not null and (place_key = $root_key or $root_key is null)
        ),
        chosen as (
            from candidate
            qualify dense_rank() over (
                order by tree_rank, place_key, unit <> 'share', unit <> 'index', metric_rank, period_type <> 'wave',
                    not has_overall, period_rank, period_start desc) = 1
        )
        from (from chosen qualify row_number() over (order by n desc nulls last, breakdown_value) <= $limit)
        order by value desc, breakdown_value
        """,
        {"root_key": root_key, "limit": limit},
    )


def definitions(published: Published) -> list[Row]:
    """The metric catalogue in its own order, by family."""
    return published.rows(
        f"""
        from kpi_catalogue
        order by list_position([{FAMILY_LIST}], family) nulls last, rowid
        """
    )


def quality(published: Published) -> list[Row]:
    """What was loaded, refused and checked, one row per source."""
    return published.rows("from quality_summary order by source")


def quality_verdict(published: Published) -> tuple[str, str]:
    """The state of the data in one sentence, Chinese and English."""
    (totals,) = published.rows(
        """
        select coalesce(sum(rows_rejected_in_staging), 0) as rejected,
            coalesce(sum(gate_critical_failed), 0) as critical, coalesce(sum(gate_warning_failed), 0) as warning,
            coalesce(sum(rows_quarantined), 0) as quarantined, coalesce(sum(batches_blocked), 0) as blocked
        from quality_summary
        """
    )
    gates = [gate for gate in published.publication["gates"] if gate["gate"] == "marts"]
    checks, warnings = sum(gate["checks"] for gate in gates), sum(gate["failed_warning"] for gate in gates)
    return (
        f"发布检查 {checks} 项，关键项全部通过，警告 {warnings} 项；来源数据：隔离 {totals['quarantined']:,} 行，标准化拒绝 "
        f"{totals['rejected']:,} 行，"
        f"拦截批次 {totals['blocked']:,} 个，关键检查未通过 {totals['critical']:,} 项，警告 {totals['warning']:,} 项",
        f"{checks} publication checks: no critical failure, warnings {warnings}. Sources: rows quarantined "
        f"{totals['quarantined']:,}, rows rejected in staging {totals['rejected']:,}, "
        f"batches blocked {totals['blocked']:,}, critical checks failed {totals['critical']:,}, warnings {totals['warning']:,}",
    )
