"""The end of the data of a table: a row of totals or a note, below which nothing is data."""

from __future__ import annotations

import dataclasses

import duckdb

from ingest.declaration import SourceDeclaration
from ingest.declared.formats import WorkbookFormat
from ingest.readers.parsed import Parsed
from ingest.readers.workbook import SHEET_STEP


def skip_below(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, parsed: Parsed) -> Parsed:
    """Skip the rows below the first one of each table that a `skip` with `below` matches: in the view `numbered_rows`, and among
    those that the reader rejected.

    Args: connection: to the scratch database with the rows as they will be stored. source: its declaration. parsed: what the reader
    found. Returns: Parsed, its rejected rows without those below.
    """
    if not any(skip.below for skip in source.skip):
        return parsed
    table = f"_row_no // {SHEET_STEP}" if isinstance(source.format, WorkbookFormat) else "0"
    connection.execute("create or replace temp table data_end as select unnest(?::bigint[]) as _row_no", [parsed.ends])
    connection.execute("insert into data_end select _row_no from numbered_rows where _ends_data")
    connection.execute(
        f"""
        alter view numbered_rows rename to all_rows;
        create table data_ends as select {table} as part, min(_row_no) as ends from data_end group by all;
        create view numbered_rows as
        select all_rows.* replace (_is_skipped or coalesce(_row_no >= ends, false) as _is_skipped)
        from all_rows left join data_ends on part = {table}
        """
    )
    ends = dict(connection.execute("from data_ends").fetchall())
    rejected = [
        row for row in parsed.rejected
        if row.row_no < ends.get(row.row_no // SHEET_STEP if isinstance(source.format, WorkbookFormat) else 0, row.row_no + 1)
    ]  # fmt: skip
    return dataclasses.replace(
        parsed, rejected=rejected, rows_skipped=parsed.rows_skipped + len(parsed.rejected) - len(rejected)
    )
