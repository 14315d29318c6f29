"""Reads one CSV file with DuckDB: declared delimiter, declared types, rejected rows kept. Nothing is sniffed."""

from __future__ import annotations

import bisect
import csv
import io
from itertools import islice
from pathlib import Path

import duckdb

from ingest.declaration import ColumnDeclaration, SourceDeclaration
from ingest.readers import header
from ingest.readers.parsed import FileRejected, Parsed, Rejected, literal, quoted, utf8

BLANK_RECORDS = (b"\n\n", b"\n\r\n", b"\r\r")


def read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    """Read a landed CSV file into the temporary table `parsed`.

    Args: connection: to DuckDB. source: the declaration. path: the landed bytes.
    Returns: Parsed. Raises: FileRejected when the file is empty, cannot be decoded, or its header is not that of the source.
    """
    with utf8(path, source.format.encoding) as readable:
        above = _first_records(readable, source)
        found = header.find(above, source, fill_right=True)
        match = header.match(found.names, source)
        by_position, width = match.by_position, len(found.names)
        unit = header.unit_note(above[: found.first], source)
        skipped = found.first + found.rows - 1
        names = [by_position[i].name if i in by_position else f"undeclared_{i}" for i in range(width)]
        types = [reader_type(by_position[i]) if i in by_position else "varchar" for i in range(width)]
        kept = [quoted(column.name) for column in by_position.values() if not column.is_dropped]
        if source.format.unit_note_as:
            kept.append(f"{literal(unit) if unit else 'null::varchar'} as {quoted(source.format.unit_note_as)}")
        for table in ("parsed", "reject_errors", "reject_scans"):
            connection.execute(f"drop table if exists {table}")
        connection.execute(
            f"""
            create temp table parsed as
            select {", ".join(kept)} from read_csv(?, auto_detect = false, header = true, skip = {skipped},
                delim = ?, quote = '"', escape = '"', columns = ?, store_rejects = true, strict_mode = true)
            """,
            [str(readable), source.format.delimiter, dict(zip(names, types, strict=True))],
        )
        rejected = _rejected(connection, readable, source, by_position, width, skipped)
    columns = {column.name: column for column in by_position.values()}
    columns |= {column.name: column for column in source.columns if column.name in source.format.filled}
    title_rows = sum(1 for record in above[: found.first] if record)
    (rows_fitting,) = connection.execute("select count(*) from parsed").fetchone()
    return Parsed(
        layout=match.layout,
        rows_in=title_rows + rows_fitting + len(rejected),
        columns=columns,
        missing=[column for column in source.columns if column.name not in columns],
        undeclared=match.undeclared,
        rejected=rejected,
        row_no=_row_no(connection, rejected),
        rows_skipped=title_rows,
        is_typed=True,
        filled=set(source.format.filled),
        headers=match.headers,
    )


def reader_type(column: ColumnDeclaration) -> str:
    """The type the reader itself casts to: the declared one, or text when the column has formats of its own."""
    return "varchar" if column.formats else column.type


def _first_records(path: Path, source: SourceDeclaration) -> list[list[str]]:
    """The records that the header is looked for in. A blank line is an empty record."""
    table = source.format
    wanted = header.SEARCHED_ROWS if table.header_row == "auto" else table.header_row + table.header_rows - 1
    with open(path, encoding="utf-8-sig", newline="") as file:
        try:
            return list(islice(csv.reader(file, delimiter=table.delimiter), wanted))
        except UnicodeDecodeError as error:
            raise FileRejected(
                f"expected text in UTF-8 as declared, found the byte 0x{error.object[error.start]:02x} near the start; "
                "save the file as UTF-8, or, if all files of this source are so, declare their encoding (gb18030, cp1252, utf-16)"
            ) from error
        except csv.Error as error:
            raise FileRejected(f"expected a header of {source.name}, found a line that is not CSV: {error}") from error


def _rejected(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: SourceDeclaration,
    by_position: dict[int, ColumnDeclaration],
    field_count: int,
    skipped: int,
) -> list[Rejected]:
    """The reader's rejects, one per row; `skipped` records stand above the header. Text of sources with personal columns is kept without those columns."""
    errors = connection.execute(
        """
        select line, min_by(column_name, column_idx), min_by(error_type::varchar, column_idx), any_value(csv_line)
        from reject_errors group by line order by line
        """
    ).fetchall()
    if not errors:
        return []
    blanks = [line for line in _blank_records(path, source.format.delimiter) if line > skipped + 1]
    columns = {column.name: column for column in by_position.values()}
    result = []
    for line, column_name, error_type, text in errors:
        column = columns.get(column_name)
        values = _fields(text, source.format.delimiter)
        complete = len(values) == field_count
        fields = {by_position[i].name: value for i, value in enumerate(values) if i in by_position} if complete else {}
        result.append(
            Rejected(
                row_no=line - skipped - 1 - bisect.bisect_left(blanks, line),
                column_name=column.name if column and error_type == "CAST" else None,
                reason={"CAST": "wrong_type"}.get(error_type, error_type.lower().replace(" ", "_")),
                expected=column.type if column and error_type == "CAST" else f"{field_count} fields, as in the header",
                raw_value=fields.get(column.name) if column and not column.personal else None,
                raw_text=public_text(source, fields, text),
            )
        )
    return result


def _row_no(connection: duckdb.DuckDBPyConnection, rejected: list[Rejected]) -> str:
    """The number of a row of `parsed`: its place among those that fit, moved on by the rejected ones before it."""
    if not rejected:
        return "rowid + 1"
    connection.execute("create or replace temp table rejected_rows (row_no bigint, good_rows_before bigint)")
    connection.executemany(
        "insert into rejected_rows values (?, ?)",
        [(row.row_no, row.row_no - position) for position, row in enumerate(rejected, start=1)],
    )
    return "rowid + 1 + (select count(*) from rejected_rows where good_rows_before <= parsed.rowid)"


def public_text(source: SourceDeclaration, fields: dict[str, str], text: str | None) -> str:
    """The text of a row as quarantine may keep it: whole when the source has no personal columns, else without them."""
    private = {column.name for column in source.columns if column.personal or column.free_text}
    if not private:
        return text or ""
    shown = {name: value for name, value in fields.items() if name not in private}
    return repr(shown) if shown else "withheld: the source holds personal data; see this row of the landed file"


def _fields(text: str | None, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO((text or "").lstrip("\r\n")), delimiter=delimiter), [])


def _blank_records(path: Path, delimiter: str) -> list[int]:
    """Line numbers (as DuckDB counts records, header = 1) of blank lines, which are no records of the file."""
    content = path.read_bytes()
    if not any(mark in content for mark in BLANK_RECORDS):
        return []
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        return [i for i, record in enumerate(csv.reader(file, delimiter=delimiter), start=1) if not record]
