"""Restatement: which figures published before does a new version change, by how much, and why.

A new version is compared with the one that is current when it is published: with what people had seen. What a period that was
still open has gained since is growth; a change of a closed period is a restatement. Every changed figure is kept in
`history.parquet` of the version; restatements are published with their causes in `kpi_restatement` and `kpi_restatement_cause`,
together with those of the versions before. See docs/decisions/0017-restatement.md.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import duckdb

from exports import restatement_causes
from exports.history import HISTORY_FILE
from exports.restricted import restrictions
from ingest.settings import settings
from ingest.sql import literal

TABLES = ("kpi_restatement", "kpi_restatement_cause")
KEY = ("metric_code", "place_key", "period_type", "breakdown_type", "breakdown_value")
NUMBERS = ("value", "numerator", "denominator", "n", "lower", "upper")
FIGURE = ("definition_version", *NUMBERS, "status", "as_of")
# The restatement's own numbers: those of a row that is hidden are not shown.
SHOWN = ("value", "numerator", "denominator", "n")
# Of a double: what adding up in another order may change, and no more. 1e-12 of ten billion yuan is one fen.
FLOAT_NOISE = 1e-12

FIGURE_ORDER = "metric_code, place_key, period_type, period_start, breakdown_type, breakdown_value, currency"
# What stands beside the key and the numbers of a figure in `kpi_change`.
DESCRIPTION = ("period_start", "period_end", "currency", "place_level", "place_path", "unit")

EMPTY = """
create or replace temp table kpi_restatement (
    version varchar, compared_with varchar, published_at timestamptz, metric_code varchar, place_key varchar,
    place_level varchar, place_path varchar, period_type varchar, period_start date, period_end date, breakdown_type varchar,
    breakdown_value varchar, unit varchar, currency varchar, change varchar, main_cause varchar, causes varchar,
    cause_no bigint, old_value double, new_value double, difference double, relative_difference double,
    old_numerator double, new_numerator double, old_denominator double, new_denominator double, old_n bigint, new_n bigint,
    old_status varchar, new_status varchar, is_hidden boolean, old_definition_version integer,
    new_definition_version integer, old_as_of date, new_as_of date, old_code_version varchar, new_code_version varchar);
create or replace temp table kpi_restatement_cause (
    version varchar, cause_no bigint, cause varchar, record varchar, source varchar, batch_id varchar, file_id varchar,
    file_name varchar, changed_rows bigint)
"""


def write(
    connection: duckdb.DuckDBPyConnection, folder: Path, earlier: Path | None, tables: dict[str, str], publication: dict
) -> None:
    """Compare what is about to be published with the version before it, and write down what has changed.

    Args:
        connection: to the build database, with the new marts.duckdb attached as `published`.
        folder: of the new version; `history.parquet` is written there, for its owner only.
        earlier: folder of the version that is current now; None when there is none.
        tables: table name → qualified name in the build database.
        publication: the new version's row of the table `publication`.
    """
    connection.execute(EMPTY)
    attached = _attach(connection, earlier) if earlier else []
    try:
        if earlier:
            _compare(connection, tables)
            _judge(connection, tables, earlier, publication)
            _carry_over(connection, tables)
        for name in TABLES:
            order = f"version, {FIGURE_ORDER}" if name == "kpi_restatement" else "all"
            connection.execute(f"create table published.main.{name} as from temp.{name} order by {order}")
        path = folder / HISTORY_FILE
        compared = f"select * exclude (change_no) from kpi_change order by {FIGURE_ORDER}"
        changes = compared if earlier else _all_figures(connection)
        connection.execute(f"copy ({changes}) to {literal(str(path))} (format parquet, compression zstd)")
        path.chmod(0o600)
    finally:
        for name in attached:
            connection.execute(f"detach {name}")


def _attach(connection: duckdb.DuckDBPyConnection, earlier: Path) -> list[str]:
    from exports.publication import DATABASE, RESTRICTED_DATABASE

    names = {"earlier": DATABASE, "earlier_restricted": RESTRICTED_DATABASE}
    there = {name: earlier / file for name, file in names.items() if (earlier / file).is_file()}
    for name, path in there.items():
        connection.execute(f"attach {literal(str(path))} as {name} (read_only)")
    return list(there)


def _all_figures(connection: duckdb.DuckDBPyConnection) -> str:
    """SQL: what `kpi_change` is for a first version: every figure, in the order in which they are published."""
    figures = "published.main.kpi_value"
    types = dict(connection.execute(f"select column_name, column_type from (describe {figures})").fetchall())
    both = ", ".join(f"null::{types[name]} as old_{name}, {name} as new_{name}" for name in FIGURE)
    return (
        f"select {', '.join((*KEY, *DESCRIPTION))}, 'appeared' as change, {both}, 'first' as kind from {figures} "
        "where coalesce(value != 0, true) or denominator is not null"
    )


def _compare(connection: duckdb.DuckDBPyConnection, tables: dict[str, str]) -> None:
    """Make the temporary table `kpi_change`: one row per figure that is new, gone or another one than in the earlier version."""
    # All time has no start of its own: it begins with the first record there is.
    side = "select *, case when period_type = 'all' then date '0001-01-01' else period_start end as start_key from "
    same_key = " and ".join(f"old.{name} = new.{name}" for name in (*KEY, "start_key"))
    differs = " or ".join(f"differs(old_{name}, new_{name})" for name in NUMBERS)
    both = ", ".join(f"old.{name} as old_{name}, new.{name} as new_{name}" for name in FIGURE)
    keys = ", ".join(f"coalesce(new.{name}, old.{name}) as {name}" for name in KEY)
    rest = ", ".join(f"coalesce(new.{name}, old.{name}) as {name}" for name in DESCRIPTION)
    connection.execute(
        f"""
        create or replace temp macro differs(a, b) as
            (a is null) != (b is null) or coalesce(abs(a - b) > {FLOAT_NOISE} * greatest(abs(a), abs(b), 1), false)
        """
    )
    connection.execute(
        f"""
        create or replace temp table kpi_change as
        with old as ({side} earlier.main.kpi_value),
        new as ({side} {tables['kpi_value']}),
        side_by_side as (
            select {keys}, {rest},
                case when old.metric_code is null then 'appeared' when new.metric_code is null then 'disappeared'
                    else 'changed' end as change,
                {both}
            from old full join new
                on {same_key} and coalesce(old.currency, '') = coalesce(new.currency, '')
        )
        select row_number() over () as change_no, *, null::varchar as kind from side_by_side
        where case
            -- A count of zero may be a row or no row.
            when change != 'changed'
                then coalesce(coalesce(new_value, old_value) != 0, true) or coalesce(new_denominator, old_denominator) is not null
            else old_status != new_status or {differs}
        end
        """
    )


def _judge(connection: duckdb.DuckDBPyConnection, tables: dict[str, str], earlier: Path, publication: dict) -> None:
    """Tell restatements from growth, find their causes, and fill the temporary tables that are published."""
    from exports.publication import MANIFEST

    before = json.loads((earlier / MANIFEST).read_text(encoding="utf-8"))
    _find_closed(connection, tables)
    restatement_causes.find(connection, tables, before, publication["code_version"])
    connection.execute(
        """
        create or replace temp table judged as
        select kpi_change.*, found.cause_no, found.main_cause, found.causes
        from kpi_change inner join found using (change_no)
        """
    )
    # What has only been watched for longer is no other statement about the past.
    connection.execute("update kpi_change set kind = 'followed_up' from judged where kpi_change.change_no = judged.change_no "
                       "and judged.causes = 'follow_up'")  # fmt: skip
    connection.execute("delete from judged where causes = 'follow_up'")
    _hide(connection, tables)
    columns = [f"{side}_{name}" for name in SHOWN for side in ("old", "new")]
    shown = ", ".join(f"case when not is_hidden then {name} end as {name}" for name in columns)
    # No row of a count is a count of zero; no row of a rate is no rate.
    is_count = "change != 'changed' and coalesce(old_denominator, new_denominator) is null"
    was, now = (f"if({is_count}, coalesce({side}_value, 0), {side}_value)" for side in ("old", "new"))
    connection.execute(
        f"""
        insert into kpi_restatement by name
        select $version as version, $compared_with as compared_with, cast($published_at as timestamptz) as published_at,
            metric_code, place_key, place_level, place_path, period_type, period_start, period_end, breakdown_type,
            breakdown_value, unit, currency, change, main_cause, causes, cause_no, {shown},
            case when not is_hidden then {now} - {was} end as difference,
            case when not is_hidden then ({now} - {was}) / nullif(abs({was}), 0) end as relative_difference,
            old_status, new_status, is_hidden, old_definition_version, new_definition_version, old_as_of, new_as_of,
            $old_code as old_code_version, $new_code as new_code_version
        from judged inner join hiding using (change_no)
        """,
        {
            "version": publication["version"], "compared_with": publication["compared_with"],
            "published_at": datetime.fromisoformat(publication["published_at"]), "old_code": before["code_version"],
            "new_code": publication["code_version"],
        },
    )  # fmt: skip
    # How many rows of persons have changed would be a count of few people.
    persons = [name for name, what in restrictions().items() if what.whole]
    connection.execute(
        """
        insert into kpi_restatement_cause by name
        select $version as version, cause_no, cause, regexp_replace(fact, '^(fct|dim)_', '') as record,
            batch_since.source, batch_id, batch_since.file_id, batch_since.file_name,
            if(list_contains($persons, fact), null, changed_rows) as changed_rows
        from scope_cause left join batch_since using (batch_id)
        where (cause_no, cause) in (select cause_no, unnest(string_split(causes, '|')) from judged)
        """,
        {"version": publication["version"], "persons": persons},
    )


def _find_closed(connection: duckdb.DuckDBPyConnection, tables: dict[str, str]) -> None:
    """Set `kind` of every change: new_metric, period_open, or restated.

    A period was closed at the earlier publication when the data of its metric in its tree of places went beyond its end then,
    and the figure was not marked as partial with data that have gone on since.
    """
    connection.execute(
        f"""
        create or replace temp table tree_of as
        select place_key, any_value(tree) as tree, bool_or(is_top) as is_top from (
            select place_key, tree, parent_place_key is null as is_top from {tables['dim_place']}
            union all select place_key, tree, parent_place_key is null from earlier.main.dim_place
        ) group by place_key
        """
    )
    connection.execute(
        """
        update kpi_change set kind = judged.kind
        from (
            with known as (
                select metric_code, tree, max(as_of) as as_of from earlier.main.kpi_value inner join tree_of using (place_key)
                group by all
            ),
            known_tree as (select tree, max(as_of) as as_of from known group by all)
            select change_no,
                case
                    when metric_code not in (select metric_code from earlier.main.kpi_catalogue) then 'new_metric'
                    when period_type = 'all' then 'period_open'
                    when period_end > coalesce(known.as_of, known_tree.as_of, date '0001-01-01') + 1 then 'period_open'
                    when change = 'changed' and period_end > old_as_of + 1 and new_as_of > old_as_of then 'period_open'
                    else 'restated'
                end as kind
            from kpi_change
            left join tree_of using (place_key)
            left join known using (metric_code, tree)
            left join known_tree using (tree)
        ) as judged
        where kpi_change.change_no = judged.change_no
        """
    )


def _hide(connection: duckdb.DuckDBPyConnection, tables: dict[str, str]) -> None:
    """Make the temporary table `hiding`: whether the numbers of a restatement are held back.

    They are where one of the two versions hides the figure, and where a difference would count few people. Differences add up
    over places, months and members like the counts themselves: as soon as one of a record and tree is small, only those of the
    top of the tree are shown, as far as none of them, and no difference between two of them, is small.
    """
    k = int(settings().dbt_vars["suppression_k"])
    steps = ", ".join(f"'{name}': coalesce(new_{name}, 0) - coalesce(old_{name}, 0)" for name in SHOWN)
    connection.execute(
        f"""
        create or replace temp table hiding as
        with counting as (
            select metric_code, any_value(record) as record from (
                select metric_code, record, counts_people from {tables['kpi_catalogue']}
                union all select metric_code, record, counts_people from earlier.main.kpi_catalogue
            ) where counts_people group by metric_code
        ),
        -- Which of its numbers show a count of people; of a metric that is no more, any may have.
        showing as (
            select metric_code, list(distinct shown_in) as shown_in from kpis.kpi_people_component group by metric_code
        ),
        people as (
            select judged.*, record, tree, is_top and breakdown_type = 'none' as is_top,
                coalesce(shown_in, ['numerator', 'denominator', 'n']) as shown_in, map {{{steps}}} as steps
            from judged
            inner join counting using (metric_code)
            left join showing using (metric_code)
            left join tree_of using (place_key)
            where 'suppressed' not in (coalesce(old_status, ''), coalesce(new_status, ''))
        ),
        step as (
            select record, tree, is_top, period_type, period_start, unnest(list_append(
                list_transform(shown_in, lambda name: steps[name]),
                -- The others of the whole are people, too.
                if(list_has_all(shown_in, ['numerator', 'denominator']), steps['denominator'] - steps['numerator'], 0)
            )) as step
            from people
        ),
        small as (
            select record, tree, bool_or(is_top) as is_at_top from step where abs(step) > 0 and abs(step) < {k} group by all
        ),
        small_between as (
            select distinct record, tree from step as one inner join step as other using (record, tree, period_type, period_start)
            where one.is_top and other.is_top and one.step != 0 and other.step != 0
                and abs(one.step - other.step) > 0 and abs(one.step - other.step) < {k}
        )
        select judged.change_no,
            'suppressed' in (coalesce(judged.old_status, ''), coalesce(judged.new_status, ''))
                or (small.record is not null and (not people.is_top or small.is_at_top or small_between.record is not null))
                as is_hidden
        from judged
        left join people using (change_no)
        left join small on people.record = small.record and people.tree is not distinct from small.tree
        left join small_between on people.record = small_between.record and people.tree is not distinct from small_between.tree
        """
    )


def _carry_over(connection: duckdb.DuckDBPyConnection, tables: dict[str, str]) -> None:
    """Add the restatements of the versions before: those that led to the earlier version.

    Of a figure whose new restatement is hidden, or that is hidden now, the earlier ones lose their numbers, too: the last of
    them tells what it was before, and the published figure what it is now.
    """
    there = connection.execute("select table_name from duckdb_tables() where database_name = 'earlier'").fetchall()
    if ("kpi_restatement",) not in there:
        return
    key = ", ".join((*KEY, "period_start", "coalesce(currency, '')"))
    numbers = [f"{side}_{name}" for name in SHOWN for side in ("old", "new")] + ["difference", "relative_difference"]
    connection.execute(
        f"""
        insert into temp.kpi_restatement by name
        with hidden_now as (
            select hash({key}) as figure from temp.kpi_restatement where is_hidden
            union
            select hash({key}) from {tables['kpi_value']} where status = 'suppressed'
        )
        select carried.* exclude (figure) replace (
            {", ".join(f"case when hidden_now.figure is null then {name} end as {name}" for name in numbers)},
            is_hidden or hidden_now.figure is not null as is_hidden
        )
        from (select *, hash({key}) as figure from earlier.main.kpi_restatement) as carried left join hidden_now using (figure)
        """
    )
    connection.execute("insert into temp.kpi_restatement_cause by name from earlier.main.kpi_restatement_cause")
