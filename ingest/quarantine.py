"""Quarantine: every row that could not be loaded, with file, row number, text and reason."""

from __future__ import annotations

import duckdb

from ingest.columns import expected_form, is_cast
from ingest.declaration import SourceDeclaration
from ingest.readers.parsed import Parsed


def keep(
    connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, parsed: Parsed, file_id: str, batch_id: str
) -> None:
    """Put the rows of a file that do not fit into `ops.quarantine`: those of `sorted_rows` with a faulty column, and those that
    the reader rejected. Text of sources with personal columns is kept without those columns, and masked.

    Args: connection: a writer inside a transaction, with the temporary table `sorted_rows`. source: its declaration. parsed: what
    the reader found. file_id, batch_id: of the file.
    """
    stored = [column for column in parsed.columns.values() if not column.is_dropped]
    expected = {column.name: expected_form(column) for column in stored if is_cast(column, parsed.is_typed)}
    by_format = [column.name for column in stored if column.formats]
    public = [column.name for column in stored if not column.personal and not column.free_text]
    shown = ", ".join(f'"{name}" := "{name}"' for name in public)
    connection.execute(
        f"""
        insert into ops.quarantine
        select ?, ?, ?, _row_no, _faulty_column,
            if(list_contains(?::varchar[], _faulty_column), 'wrong_format', 'wrong_type'),
            map(?::varchar[], ?::varchar[])[_faulty_column] || coalesce(' in ' || _where, ''), _faulty_value,
            {f"struct_pack({shown})::json::varchar" if public else "null"}
        from sorted_rows where not _is_skipped and _faulty_column is not null
        """,
        [batch_id, source.name, file_id, by_format, list(expected), list(expected.values())],
    )
    if parsed.rejected:
        connection.executemany(
            "insert into ops.quarantine values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (batch_id, source.name, file_id, row.row_no, row.column_name, row.reason, row.expected, row.raw_value,
                 row.raw_text)
                for row in parsed.rejected
            ],
        )
    if any(column.personal or column.free_text for column in source.columns):
        # In a row that is shifted by one, a phone number may stand where none is expected.
        connection.execute(
            "update ops.quarantine set raw_value = mask_personal(raw_value), raw_text = mask_personal(raw_text) where batch_id = ?",
            [batch_id],
        )
