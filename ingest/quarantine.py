"""Quarantine: every row that could not be loaded, with file, row number, text and reason, and what became of it later.

`ops.quarantine` holds the rows that are in quarantine now, `ops.quarantine_history` those that no longer are: since when, until
when, how that came (`resolution`: repaired, skipped, superseded) and by what (a load, or a replay in `ops.replay`).
"""

from __future__ import annotations

import duckdb

from ingest.columns import expected_form, is_cast
from ingest.declared.formats import PluggedFormat
from ingest.declaration import SourceDeclaration
from ingest.readers.parsed import Parsed
from ingest.reasons import REASONS

SAME_FAULT = """
    open.row_no = before.row_no and open.column_name is not distinct from before.column_name and open.reason = before.reason
    and open.raw_value is not distinct from before.raw_value"""


class UndeclaredReason(AssertionError):
    """A built-in reader gives a reason that `ingest.reasons` does not know: a fault of the reader. Nothing was stored."""


def set_aside(connection: duckdb.DuckDBPyConnection, batch_id: str) -> None:
    """Take the rows of a batch out of quarantine before its file is loaded again; `close` says what became of them."""
    connection.execute("create or replace temp table quarantine_before as from ops.quarantine where batch_id = $1", [batch_id])
    connection.execute("delete from ops.quarantine where batch_id = ?", [batch_id])


def keep(
    connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, parsed: Parsed, file_id: str, batch_id: str
) -> None:
    """Put the rows of a file that do not fit into `ops.quarantine`: those of `sorted_rows` with a faulty column, and those that
    the reader rejected. Text of sources with personal columns is kept without those columns, and masked.

    Args: connection: a writer inside a transaction, with the temporary table `sorted_rows`. source: its declaration. parsed: what
    the reader found. file_id, batch_id: of the file. Raises: UndeclaredReason.
    """
    stored = [column for column in parsed.columns.values() if not column.is_dropped]
    expected = {column.name: expected_form(column) for column in stored if is_cast(column, parsed.is_typed)}
    by_format = [column.name for column in stored if column.formats]
    public = [column.name for column in stored if not column.personal and not column.free_text]
    shown = ", ".join(f'"{name}" := "{name}"' for name in public)
    connection.execute(
        f"""
        insert into ops.quarantine
            (batch_id, source, file_id, row_no, column_name, reason, expected, raw_value, raw_text, opened_at)
        select ?, ?, ?, _row_no, _faulty_column,
            if(list_contains(?::varchar[], _faulty_column), 'wrong_format', 'wrong_type'),
            map(?::varchar[], ?::varchar[])[_faulty_column] || coalesce(' in ' || _where, ''), _faulty_value,
            {f"struct_pack({shown})::json::varchar" if public else "null"}, now()
        from sorted_rows where not _is_skipped and _faulty_column is not null
        """,
        [batch_id, source.name, file_id, by_format, list(expected), list(expected.values())],
    )
    if parsed.rejected:
        connection.executemany(
            """
            insert into ops.quarantine
                (batch_id, source, file_id, row_no, column_name, reason, expected, raw_value, raw_text, opened_at)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, now())
            """,
            [
                (batch_id, source.name, file_id, row.row_no, row.column_name, row.reason, row.expected, row.raw_value,
                 row.raw_text)
                for row in parsed.rejected
            ],
        )
    if source.is_private:
        # In a row that is shifted by one, a phone number may stand where none is expected.
        connection.execute(
            """
            update ops.quarantine set raw_value = mask_personal(raw_value), raw_text = mask_personal(raw_text) where batch_id = ?
            """,
            [batch_id],
        )
    unknown = connection.execute(
        "select distinct reason from ops.quarantine where batch_id = ? and not list_contains(?::varchar[], reason)",
        [batch_id, list(REASONS)],
    ).fetchall()
    if unknown and not isinstance(source.format, PluggedFormat):
        raise UndeclaredReason(
            f"{source.name}, {batch_id}: expected reasons of the list in ingest/reasons.py, found "
            f"{', '.join(sorted(reason for (reason,) in unknown))}; declare them there, with their meaning and what to do"
        )


def close(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, batch_id: str, closed_by: str) -> None:
    """Say what became of the rows that were set aside: a fault that is still there stays open since it was first seen; any other
    one goes to the history as `repaired` (the row is loaded), `skipped` (it is no data, by declaration) or `superseded` (the row
    is in quarantine for another fault, or its file is blocked as a whole).

    The history of a source with personal columns keeps no text of the row, and no value of these columns: a column may have been
    declared personal only after its rows came into quarantine.
    Args: connection: a writer inside the transaction of the load. source: its declaration. batch_id: the batch. closed_by:
    `load`, or the id of a replay.
    """
    connection.execute(
        f"""
        update ops.quarantine as open set opened_at = before.opened_at
        from quarantine_before as before where open.batch_id = ? and {SAME_FAULT}
        """,
        [batch_id],
    )
    connection.execute(
        f"""
        insert into ops.quarantine_history by name
        select before.*, now() as closed_at, $closed_by as closed_by,
            case
                when before.row_no in (select _row_no from raw.{source.name} where _batch_id = $batch) then 'repaired'
                when before.row_no in (select row_no from ops.quarantine where batch_id = $batch) then 'superseded'
                when exists (from ops.batch where batch_id = $batch and status = 'blocked') then 'superseded'
                else 'skipped'
            end as resolution
        from quarantine_before as before
        where not exists (from ops.quarantine as open where open.batch_id = $batch and {SAME_FAULT})
        """,
        {"batch": batch_id, "closed_by": closed_by},
    )
    if source.is_private:
        private = [column.name for column in source.columns if column.personal or column.free_text]
        connection.execute(
            """
            update ops.quarantine_history
            set raw_text = null, raw_value = if(list_contains(?::varchar[], column_name), null, mask_personal(raw_value))
            where source = ? and (raw_text is not null or raw_value is not null)
            """,
            [private, source.name],
        )

