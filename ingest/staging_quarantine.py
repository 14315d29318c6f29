"""Rows that were loaded, and of which a build cannot make what they tell: staging refuses them, or nobody knows their place.

`ops.staging_quarantine` holds those of the last build. What a later one can use (a staging model, an alias of a place or a
correction has changed) goes over to `ops.quarantine_history`, where what left quarantine at the load stands, too.
"""

from __future__ import annotations

import duckdb

from ingest import warehouse
from ingest.sql import literal, quoted

FOUND = {
    ("marts", "quality_rejected_row"): """
        select source, 'staging' as stage, record, file_id, row_no, reason, null::varchar as raw_value
        from marts.quality_rejected_row where stage = 'staging'""",
    ("intermediate", "int_unplaced_row"): """
        select source, 'place' as stage, record, file_id, row_no, 'unknown_place' as reason, place_name as raw_value
        from intermediate.int_unplaced_row""",
}
SAME_FAULT = """
    found.source = open.source and found.stage = open.stage and found.record = open.record and found.file_id = open.file_id
    and found.row_no = open.row_no and found.reason = open.reason and found.raw_value is not distinct from open.raw_value"""


def note(run_id: str) -> None:
    """Write down what a build could not use, and what became of the rows that an earlier one could not.

    A row that was not used before and is used now is `repaired`; one that the build no longer has (its file was replaced or
    blocked, or a newer row of its key holds), or that it refuses for another fault, is `superseded`.
    Args: run_id: of the build; the history names it as the cause. Raises: WarehouseBusy.
    """
    with warehouse.writer(f"note what the build {run_id} refuses") as connection, warehouse.transaction(connection):
        tables = _tables(connection)
        if not FOUND.keys() <= tables:
            return
        connection.execute(f"create or replace temp table found as select distinct * from ({' union all '.join(FOUND.values())})")
        connection.execute(
            f"""
            create or replace temp table closed as
            from ops.staging_quarantine as open where not exists (from found where {SAME_FAULT})
            """
        )
        connection.execute(
            f"""
            insert into ops.quarantine_history by name
            select
                (select max(batch_id) from ops.batch where batch.source = closed.source and batch.file_id = closed.file_id)
                    as batch_id,
                source, file_id, row_no, reason || ' (' || record || ')' as reason, raw_value, opened_at, now() as closed_at,
                $run_id as closed_by, if({_is_used(connection, tables)}, 'repaired', 'superseded') as resolution
            from closed
            """,
            {"run_id": run_id},
        )
        connection.execute(f"delete from ops.staging_quarantine as open where not exists (from found where {SAME_FAULT})")
        connection.execute(
            f"""
            insert into ops.staging_quarantine by name
            select found.*, now() as opened_at from found where not exists (from ops.staging_quarantine as open where {SAME_FAULT})
            """
        )


def _tables(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """(schema, name) of the tables and views of the warehouse."""
    return set(
        connection.execute(
            "select table_schema, table_name from information_schema.tables where table_catalog = current_database()"
        ).fetchall()
    )


def _is_used(connection: duckdb.DuckDBPyConnection, tables: set[tuple[str, str]]) -> str:
    """SQL of whether a row of `closed` is one that staging makes its record of, and no other fault is found in."""
    used = [
        f"source = {literal(source)} and record = {literal(record)} and (file_id, row_no) in "
        f"(select (_file_id, _row_no) from staging.{quoted(model)} where _reject_reason is null)"
        for source, record in connection.execute("select distinct source, record from closed").fetchall()
        if ("staging", model := f"stg_{source}__{record}") in tables
    ]
    return f"""
        ({" or ".join(f"({one})" for one in used) or "false"}) and not exists (
            from found where found.source = closed.source and found.record = closed.record and found.stage = closed.stage
                and found.file_id = closed.file_id and found.row_no = closed.row_no)"""
