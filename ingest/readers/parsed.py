"""What every reader hands to the loader."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from ingest.declaration import ColumnDeclaration, SourceDeclaration
from ingest.sql import quoted

LIST_SEPARATOR = "┋"
NO_ROWS = "expected at least one row below the header, found none; an empty file never replaces what is there"


class FileRejected(ValueError):
    """A file that cannot be loaded as a whole; the message names expected, found and what to do."""


@dataclass(frozen=True)
class Rejected:
    """A row that the reader could not fit. `row_no` leads to the row in the file."""

    row_no: int
    column_name: str | None
    reason: str
    expected: str
    raw_value: str | None
    raw_text: str | None


@dataclass(frozen=True)
class Parsed:
    """What a reader found. The rows lie in the temporary table `parsed`, one column per declared column in the file.

    `rows_in` counts the records of the file without its header; `rows_skipped` those of them that the declaration passes over
    before the data (title rows). `row_no` and `where` are SQL on `parsed`: the number of the row in the file, and the part of
    the file it lies in, in words (NULL when the number says all). `is_typed`: the reader has cast the columns that have no
    formats of their own; otherwise all are text. `filled`: columns with a value of the reader's, not of a cell. `headers`: of
    each column as the file has it. `encoding`: that of the text, as it was found. `is_prepared`: the reader has sorted the rows
    on their way (`columns.sort_rows`): they lie in the view `numbered_rows`. `ends`: numbers of skipped rows that end the data.
    """

    layout: str
    rows_in: int
    columns: dict[str, ColumnDeclaration]
    undeclared: list[str]
    rejected: list[Rejected]
    row_no: str = "_row_no"
    where: str = "null::varchar"
    rows_skipped: int = 0
    is_typed: bool = False
    is_prepared: bool = False
    filled: set[str] = field(default_factory=set)
    headers: dict[str, str] = field(default_factory=dict)
    encoding: str | None = None
    ends: list[int] = field(default_factory=list)


def no_records(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration) -> Parsed:
    """What a reader finds in a file that has neither rows nor a header: no rows of any column.

    Args: connection: to DuckDB. source: the declaration. Returns: Parsed, of an empty table `parsed`.
    """
    columns = {column.name: column for column in source.columns}
    kept = ", ".join(f"null::varchar as {quoted(column.name)}" for column in source.columns if not column.is_dropped)
    connection.execute(f"create or replace temp table parsed as select {kept}, 0::bigint as _row_no where false")
    layout = next(iter(source.layouts), "default")
    return Parsed(layout=layout, rows_in=0, columns=columns, undeclared=[], rejected=[])
