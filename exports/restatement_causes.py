"""Why a published figure has changed: found by comparing the facts and places of two versions, down to the batches.

A fact that is new, gone or another one is put down to the batch that brought it: a correction of its row, a replay of its batch,
or a batch that was not there before. A fact that only counts elsewhere is put down to a change of places. Each changed fact reaches
the places above it; what reaches the place and period of a changed figure, in a fact that its metric is made of, is its cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from exports.catalogue import definitions, facts_of
from exports.restricted import PERSON_KEYS
from ingest.settings import settings
from ingest.sql import quoted

# The order in which causes are named where as many rows speak for one as for another.
CAUSES = ("definition", "correction", "replay", "place_change", "late_rows", "suppression", "code", "follow_up", "unexplained")
# Where a row comes from and how long it was watched: other values there are no other statement.
BOOKKEEPING = {"source", "file_id", "row_no", "as_of_date", "observed_until_at", "observed_days", "place_key", "run_id"}
# Statistics of which everything before the end of the period is part.
UP_TO_THE_END = ("stock", "cumulative_ratio")


@dataclass(frozen=True)
class Fact:
    """How to read a fact: its key, the days that it counts on, and the table that tells place or day where it does not itself."""

    key: str
    days: tuple[str, ...]
    via: str | None = None
    via_key: str = ""
    borrowed: tuple[str, ...] = ()


FACTS = {
    "fct_activity": Fact("activity_key", ("activity_date",)),
    "fct_participation": Fact("participation_key", ("participation_date",)),
    "fct_points": Fact("points_key", ("posted_date",)),
    "fct_case": Fact("case_key", ("opened_date", "ended_date")),
    "fct_case_event": Fact(
        "case_event_key", ("opened_date", "occurred_date"), "fct_case", "case_key", ("place_key", "opened_date", "as_of_date")
    ),
    "fct_vote": Fact("vote_key", ("vote_date",)),
    "fct_vote_option": Fact("vote_option_key", ("vote_date",), "fct_vote", "vote_key", ("place_key", "vote_date")),
    "dim_survey": Fact("survey_key", ("closed_date",)),
    "fct_answer": Fact("answer_key", ("closed_date",), "dim_survey", "survey_key", ("closed_date",)),
    "fct_evaluation": Fact("evaluation_key", ("evaluated_date",)),
    "fct_money": Fact("money_key", ("money_date",)),
    "fct_figure": Fact("figure_key", ("period_start",)),
    "fct_population": Fact("population_key", ("as_of_date",)),
    "fct_role": Fact("role_key", ("valid_from",)),
    "dim_organisation": Fact("organisation_version_key", ("founded_date", "graduated_date", "dissolved_date")),
}


def find(connection: duckdb.DuckDBPyConnection, tables: dict[str, str], before: dict, code_version: str) -> None:
    """Make the temporary tables `found` (change_no, cause_no, main_cause, causes) and `scope_cause` (cause_no, cause, fact,
    batch_id, changed_rows) for the restated figures in the temporary table `kpi_change`; and `batch_since`: who the batches are.

    Args:
        connection: to the build database; the earlier version is attached as `earlier` and `earlier_restricted`.
        tables: table name → qualified name in the build database.
        before: the manifest of the earlier version.
        code_version: which code made the new one.
    """
    _find_scopes(connection, tables)
    _find_batches(connection, before)
    facts = connection.execute("select distinct fact from scope_fact order by fact").fetchall()
    _compare_places(connection, tables)
    connection.execute(
        """
        create or replace temp table fact_change (fact varchar, change varchar, is_same boolean, is_later boolean,
            old_place_key varchar, new_place_key varchar, old_days date[], new_days date[], old_source varchar,
            old_file_id varchar, old_row_no bigint, source varchar, file_id varchar, row_no bigint)
        """
    )
    for (fact,) in facts:
        _compare_fact(connection, tables, fact)
    _find_fact_causes(connection)
    _reach_places(connection)
    _meet(connection)
    _conclude(connection, tables, before["code_version"], code_version)


def _find_scopes(connection: duckdb.DuckDBPyConnection, tables: dict[str, str]) -> None:
    """Make `scope`: one row per set of facts, place and period in which figures are restated; they share their causes."""
    connection.execute("create or replace temp table scope_fact (facts varchar, fact varchar, is_direct boolean)")
    connection.execute("create or replace temp table metric_scope (metric_code varchar, facts varchar, is_up_to_the_end boolean)")
    restated = connection.execute("select distinct metric_code from kpi_change where kind = 'restated'").fetchall()
    project, scopes = settings().project, {}
    metrics = [metric for metric in definitions(project) if (metric["metric_code"],) in restated]
    made_of = facts_of(project, metrics)
    for metric in metrics:
        direct, all_facts = made_of[metric["metric_code"]]
        facts = tuple((fact, fact in direct) for fact in sorted(all_facts) if fact in FACTS and fact in tables)
        if facts not in scopes:
            scopes[facts] = str(len(scopes))
            for fact in facts:
                connection.execute("insert into scope_fact values (?, ?, ?)", [scopes[facts], *fact])
        connection.execute(
            "insert into metric_scope values (?, ?, ?)",
            [metric["metric_code"], scopes[facts], metric["statistic"] in UP_TO_THE_END],
        )
    connection.execute(
        """
        create or replace temp table scope as
        select row_number() over (order by facts, is_up_to_the_end, place_key, period_type, period_start) as cause_no, *
        from (
            select facts, is_up_to_the_end, place_key, period_type, period_start, max(period_end) as period_end
            from kpi_change inner join metric_scope using (metric_code) where kind = 'restated' group by all
        )
        """
    )


def _find_batches(connection: duckdb.DuckDBPyConnection, before: dict) -> None:
    """Make `batch_since`: the accepted batches, and what happened to them since the build of the earlier version."""
    connection.execute(
        """
        create or replace temp table batch_since as
        with built as (
            select least(coalesce(max(started_at), $published_at), $published_at) as built_at from ops.run where run_id = $run_id
        ),
        replayed as (
            select distinct batch_id from ops.replay, built where coalesce(finished_at, started_at) > built_at
        ),
        corrected as (
            select batch_id, list(distinct row_no) as row_nos from ops.correction_outcome, built
            where outcome = 'applied' and loaded_at > built_at group by batch_id
        )
        select batch.batch_id, batch.batch_no, batch.source, batch.file_id, any_value(file.file_name) as file_name,
            replayed.batch_id is not null as is_replayed,
            not list_contains($known, batch.batch_id) or (replayed.batch_id is null and coalesce(batch.gated_at > built_at, false))
                as is_new,
            any_value(corrected.row_nos) as corrected_rows
        from ops.batch as batch
        cross join built
        left join ops.file as file on batch.source = file.source and batch.file_id = file.file_id
        left join replayed on batch.batch_id = replayed.batch_id
        left join corrected on batch.batch_id = corrected.batch_id
        where batch.status = 'accepted'
        group by all
        """,
        {
            "run_id": before["run_id"], "published_at": datetime.fromisoformat(before["published_at"]),
            "known": [source["batch_id"] for source in before["sources"]],
        },
    )  # fmt: skip


def _compare_places(connection: duckdb.DuckDBPyConnection, tables: dict[str, str]) -> None:
    """Make `above` (side, place_key, ancestor_key, counts_from, counts_to), `moved_place` (place_key) and `place_batch` (batch_id):
    which places lie elsewhere in the tree now, and which batches say so."""
    sides = {"old": "earlier.main.dim_place", "new": tables["dim_place"]}
    connection.execute(
        "create or replace temp table above "
        "(side varchar, place_key varchar, ancestor_key varchar, counts_from date, counts_to date)"
    )
    for side, places in sides.items():
        connection.execute(
            f"""
            insert into above
            with recursive lines as (
                select place_key, place_key as ancestor_key, counts_from, counts_to from {places}
                union
                select lines.place_key, places.parent_place_key, greatest(lines.counts_from, places.counts_from),
                    least(lines.counts_to, places.counts_to)
                from lines inner join {places} as places
                    on lines.ancestor_key = places.place_key and places.parent_place_key is not null
                    and (lines.counts_from is null or places.counts_to is null or lines.counts_from < places.counts_to)
                    and (places.counts_from is null or lines.counts_to is null or places.counts_from < lines.counts_to)
            )
            select distinct '{side}', * from lines
            """
        )
    connection.execute(
        """
        create or replace temp table moved_place as
        with old as (select * exclude (side) from above where side = 'old'),
        new as (select * exclude (side) from above where side = 'new')
        select distinct place_key from (from (from old except from new) union all (from new except from old))
        """
    )
    told = []
    for name in ("dim_place", "dim_place_change"):
        new, old = tables.get(name, ""), _earlier(connection, name)
        columns = [column for column in _columns(connection, new) if column in _columns(connection, old)]
        if {"source", "file_id"} <= set(columns):
            said = ", ".join(quoted(column) for column in columns if column not in BOOKKEEPING - {"place_key"} | {"is_current"})
            told.append(f"select source, file_id from {new} where hash({said}) not in (select hash({said}) from {old})")
    changed = " union ".join(told) or "select null as source, null as file_id where false"
    connection.execute(
        f"""
        create or replace temp table place_batch as
        select batch_id from batch_since inner join ({changed}) using (source, file_id) where is_new or is_replayed
        """
    )


def _compare_fact(connection: duckdb.DuckDBPyConnection, tables: dict[str, str], name: str) -> None:
    """Add to `fact_change` what of a fact is new, gone, another one, or counts elsewhere."""
    fact, old, new = FACTS[name], _earlier(connection, name), tables[name]
    columns = [column for column in _columns(connection, new) if column in _columns(connection, old)]
    if not {fact.key, "source", "file_id", "row_no"} <= set(columns) or fact.via and not _earlier(connection, fact.via):
        return
    columns = [column for column in columns if column not in PERSON_KEYS or not _is_rekeyed(connection, column, old, new)]
    old_case = _earlier(connection, "fct_case")
    # A case is the same one, watched for longer, when its beginning is the same and its end had not come yet.
    is_later = {
        "fct_case": "new.as_of > old.as_of and old.intake = new.intake "
                    "and (new.end_day > old.as_of or old.end_day is not distinct from new.end_day)",
        "fct_case_event": "old.key is null and new.end_day > "
                          f"(select max(as_of_date) from {old_case} as cases where cases.case_key = new.parent_key)",
    }.get(name, "false")  # fmt: skip
    old_side, new_side = (
        _side(name, columns, relation, via)
        for relation, via in ((old, _earlier(connection, fact.via or "")), (new, tables.get(fact.via or "", "")))
    )
    # First by digest alone: of millions of rows, few have changed.
    digest = "select key, hash(content, place_key, days) as digest, place_key from"
    connection.execute(
        f"""
        create or replace temp table changed_key as
        select coalesce(old.key, new.key) as key from ({digest} ({old_side})) as old full join ({digest} ({new_side})) as new
            on old.key = new.key
        where old.digest is distinct from new.digest or new.place_key in (select place_key from moved_place)
        """
    )
    changed = "where key in (select key from changed_key)"
    connection.execute(
        f"""
        insert into fact_change
        select '{name}',
            case when old.key is null then 'added' when new.key is null then 'removed' else 'changed' end,
            old.content is not distinct from new.content, coalesce({is_later}, false),
            old.place_key, new.place_key, old.days, new.days, old.source, old.file_id, old.row_no,
            new.source, new.file_id, new.row_no
        from (from ({old_side}) {changed}) as old full join (from ({new_side}) {changed}) as new on old.key = new.key
        """
    )


def _side(name: str, columns: list[str], relation: str, via: str) -> str:
    """SQL: the rows of a fact in one of the two versions, by key, with place, days and a digest of what they say."""
    fact = FACTS[name]
    known = (*columns, *fact.borrowed, *fact.days)
    own = {column: f"{'via' if column in fact.borrowed else 'rows'}.{quoted(column)}" for column in known}
    content = ", ".join(f"rows.{quoted(column)}" for column in columns if column not in BOOKKEEPING)
    end = {"fct_case": "rows.ended_date", "fct_case_event": "rows.occurred_date"}.get(name, "null::date")
    intake = "hash(rows.opened_at, rows.kind, rows.category, rows.place_key)" if name == "fct_case" else "null"
    return f"""
        select rows.{fact.key} as key, {f"rows.{fact.via_key}" if fact.via else "null"} as parent_key, rows.source, rows.file_id,
            rows.row_no, {own["place_key"]} as place_key, [{", ".join(own[day] for day in fact.days)}] as days,
            {own.get("as_of_date", "null::date")} as as_of, {end} as end_day, {intake} as intake, hash({content}) as content
        from {relation} as rows {f"left join {via} as via on rows.{fact.via_key} = via.{fact.via_key}" if fact.via else ""}
    """


def _is_rekeyed(connection: duckdb.DuckDBPyConnection, column: str, old: str, new: str) -> bool:
    """Whether persons have got new keys since (`gmw rotate-key`): a key begins with the version of its secret."""
    version = f"select any_value(left({quoted(column)}, 8)) from"
    return connection.execute(f"select ({version} {old}) != ({version} {new})").fetchone()[0] is True


def _earlier(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """A table of the earlier version, whole where the restricted copy has it; empty when it has none."""
    found = connection.execute(
        "select max(database_name) from duckdb_tables() "
        "where table_name = ? and database_name in ('earlier', 'earlier_restricted')",
        [name],
    ).fetchone()[0]
    return f"{found}.main.{quoted(name)}" if found else ""


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    """The columns of a relation; none when there is no such."""
    return [row[0] for row in connection.execute(f"describe {relation}").fetchall()] if relation else []


def _find_fact_causes(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `fact_cause`: `fact_change` with its cause and batch; without those for which no batch and no place speaks."""
    connection.execute(
        """
        create or replace temp table fact_cause as
        with moved as (select count(*) > 0 as has_moved from moved_place),
        newest as (select source, max_by(batch_id, batch_no) as batch_id from batch_since where is_new group by source),
        told as (
            select row_number() over () as change_no, fact_change.*,
                coalesce(mine.batch_id, theirs.batch_id) as told_by,
                coalesce(mine.is_replayed, theirs.is_replayed, false) as is_replayed,
                coalesce(mine.is_new, false) as is_new,
                coalesce(list_contains(mine.corrected_rows, fact_change.row_no),
                    list_contains(theirs.corrected_rows, fact_change.old_row_no), false) as is_corrected,
                newest.batch_id as newest_batch_id, moved.has_moved
            from fact_change
            cross join moved
            left join batch_since as mine on fact_change.source = mine.source and fact_change.file_id = mine.file_id
            left join batch_since as theirs
                on fact_change.change = 'removed' and fact_change.old_source = theirs.source
                and fact_change.old_file_id = theirs.file_id
            left join newest on fact_change.change = 'removed' and fact_change.old_source = newest.source
        ),
        judged as (
            select *,
                case
                    when change = 'changed' and is_same and old_days is not distinct from new_days
                        then case when has_moved then 'place_change' end
                    when is_corrected and (is_replayed or not is_new) then 'correction'
                    when is_replayed then 'replay'
                    when is_new then if(is_later, 'follow_up', 'late_rows')
                    when change = 'removed' and newest_batch_id is not null then 'late_rows'
                    when change = 'changed' and old_place_key is distinct from new_place_key and has_moved then 'place_change'
                end as cause
            from told
        )
        select change_no, fact, change, cause, old_place_key, new_place_key, old_days, new_days,
            case cause when 'place_change' then null
                when 'late_rows' then if(change = 'removed', newest_batch_id, told_by) else told_by end as batch_id
        from judged where cause is not null
        """
    )


def _reach_places(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `change_at`: how many facts changed for which cause, by fact, day, and each place above them."""
    connection.execute(
        """
        create or replace temp table change_at as
        with side as (
            select change_no, 'old' as side, old_place_key as place_key, unnest(old_days) as day from fact_cause
            union all
            select change_no, 'new', new_place_key, unnest(new_days) from fact_cause
        ),
        reached as (
            select distinct side.change_no, side.side, side.day, above.ancestor_key as place_key
            from side inner join above
                on side.side = above.side and side.place_key = above.place_key
                and (above.counts_from is null or above.counts_from <= last_day(side.day))
                and (above.counts_to is null or last_day(side.day) < above.counts_to)
        ),
        -- Who has only moved counts where he did not count before, and no longer where he did.
        touched as (
            select change_no, place_key, day, count(*) = 1 as is_one_sided from reached group by all
        )
        select fact_cause.fact, touched.place_key, touched.day, fact_cause.cause,
            if(fact_cause.cause = 'place_change', place_batch.batch_id, fact_cause.batch_id) as batch_id, count(*) as changed_rows
        from touched
        inner join fact_cause using (change_no)
        left join place_batch on fact_cause.cause = 'place_change'
        where fact_cause.cause != 'place_change' or touched.is_one_sided
        group by all
        """
    )


def _meet(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `scope_cause`: what reached the place of a scope in its period; else, of what the metric is indirectly made of; else
    before the end of the period; else anywhere in the tree by then. The latter two (`is_remote`) explain only what nothing else
    does: first-time participants of a month depend on those of the months before."""
    by_then = "change_at.day < scope.period_end"
    in_period = f"{by_then} and (scope.is_up_to_the_end or change_at.day >= scope.period_start)"
    here = "change_at.place_key = scope.place_key"
    levels = [
        ("scope_fact.is_direct", here, in_period, "false"),
        ("true", here, in_period, "false"),
        ("true", here, by_then, "true"),
        ("true", "change_at.place_key in (select ancestor_key from top where top.place_key = scope.place_key)", by_then, "true"),
    ]
    connection.execute(
        "create or replace temp table scope_cause (cause_no bigint, cause varchar, fact varchar, batch_id varchar, "
        "changed_rows bigint, is_remote boolean)"
    )
    connection.execute(
        """
        create or replace temp table top as
        select distinct place_key, ancestor_key from above where ancestor_key in (select place_key from tree_of where is_top)
        """
    )
    for fact, place, period, is_remote in levels:
        connection.execute(
            f"""
            insert into scope_cause
            select scope.cause_no, change_at.cause, change_at.fact, change_at.batch_id, sum(change_at.changed_rows), {is_remote}
            from scope
            inner join scope_fact on scope.facts = scope_fact.facts and {fact}
            inner join change_at on change_at.fact = scope_fact.fact and {place} and {period}
            where scope.cause_no not in (select cause_no from scope_cause)
            group by all
            """
        )


def _conclude(connection: duckdb.DuckDBPyConnection, tables: dict[str, str], old_code: str, new_code: str) -> None:
    """Make `found`: all causes of each restated figure, the main one first."""
    connection.execute(
        f"""
        create or replace temp table found as
        with definition as (
            select old.metric_code
            from earlier.main.kpi_catalogue as old
            left join {tables['kpi_catalogue']} as new using (metric_code)
            where new.metric_code is null or (new.definition_version, new.formula, new.unit, new.statistic)
                is distinct from (old.definition_version, old.formula, old.unit, old.statistic)
        ),
        restated as (
            select kpi_change.*, scope.cause_no
            from kpi_change
            left join metric_scope using (metric_code)
            left join scope
                on metric_scope.facts = scope.facts and metric_scope.is_up_to_the_end = scope.is_up_to_the_end
                and kpi_change.place_key = scope.place_key and kpi_change.period_type = scope.period_type
                and kpi_change.period_start = scope.period_start
            where kpi_change.kind = 'restated'
        ),
        met as (
            select change_no, 'definition' as cause, 1e18 as weight from restated
            where metric_code in (from definition)
            union all
            select change_no, 'suppression', 0 from restated
            where coalesce(old_status = 'suppressed', false) != coalesce(new_status = 'suppressed', false)
            union all
            select restated.change_no, scope_cause.cause, sum(scope_cause.changed_rows)
            from restated inner join scope_cause using (cause_no) where not is_remote group by all
        ),
        -- Where nothing speaks that reached the place in its period, it is the code, or what changed earlier or elsewhere in the
        -- tree; else that the same was watched for longer.
        silent as (select * from restated where change_no not in (select change_no from met where cause != 'follow_up')),
        less_near as (
            select * from met
            union all
            select change_no, 'code', 1e18 from silent where $old_code != $new_code
            union all
            select silent.change_no, scope_cause.cause, sum(scope_cause.changed_rows)
            from silent inner join scope_cause using (cause_no) where is_remote group by all
        ),
        spoken as (
            select * from less_near
            union all
            select change_no, 'follow_up', 0 from restated
            where new_as_of > old_as_of and change_no not in (select change_no from less_near where cause != 'code')
            union all
            select change_no, 'unexplained', 0 from restated
            where coalesce(new_as_of <= old_as_of, true) and change_no not in (select change_no from less_near)
        ),
        listed as (
            select change_no,
                list(cause order by cause in ('suppression', 'follow_up'), weight desc, list_position($causes, cause)) as causes
            from spoken group by change_no
        )
        select change_no, cause_no, causes[1] as main_cause, array_to_string(causes, '|') as causes
        from listed inner join restated using (change_no)
        """,
        {"old_code": old_code, "new_code": new_code, "causes": list(CAUSES)},
    )
