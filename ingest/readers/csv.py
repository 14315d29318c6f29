"""Reads one CSV file with DuckDB: declared delimiter, declared types, rejected rows kept. Nothing is sniffed."""

from __future__ import annotations

import csv
import io
from itertools import islice
from pathlib import Path

import duckdb

from ingest.columns import sort_rows
from ingest.declaration import ColumnDeclaration, SourceDeclaration
from ingest.readers import header
from ingest.readers.parsed import CHUNK, FileRejected, Parsed, Rejected, utf8
from ingest.sql import literal, quoted

BLANK_RECORDS = (b"\n\n", b"\n\r\n", b"\r\r")


def read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    """Read a landed CSV file, its rows prepared on their way (`columns.sort_rows`), into the view `numbered_rows`.

    Args: connection: to a scratch database. source: the declaration. path: the landed bytes.
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
        columns = {column.name: column for column in by_position.values()}
        columns |= {column.name: column for column in source.columns if column.name in source.format.filled}
        sort_rows(
            connection,
            source,
            columns.values(),
            f"""
            (select {", ".join(kept)} from read_csv(?, auto_detect = false, header = true, skip = {skipped},
                delim = ?, quote = '"', escape = '"', columns = ?, store_rejects = true, strict_mode = true))
            """,
            [str(readable), source.format.delimiter, dict(zip(names, types, strict=True))],
            is_typed=True,
            filled=source.format.filled,
        )
        rejected = _rejected(connection, readable, source, by_position, width, skipped)
    title_rows = sum(1 for record in above[: found.first] if record)
    (rows_fitting,) = connection.execute("select count(*) from prepared_rows").fetchone()
    _number_rows(connection, rejected)
    return Parsed(
        layout=match.layout,
        rows_in=title_rows + rows_fitting + len(rejected),
        columns=columns,
        missing=[column for column in source.columns if column.name not in columns],
        undeclared=match.undeclared,
        rejected=rejected,
        rows_skipped=title_rows,
        is_typed=True,
        is_prepared=True,
        filled=set(source.format.filled),
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
    blanks = _blank_records(path, source.format.delimiter, skipped + 1, [error[0] for error in errors])
    columns = {column.name: column for column in by_position.values()}
    result = []
    for (line, column_name, error_type, text), blanks_before in zip(errors, blanks, strict=True):
        column = columns.get(column_name)
        values = _fields(text, source.format.delimiter)
        complete = len(values) == field_count
        fields = {by_position[i].name: value for i, value in enumerate(values) if i in by_position} if complete else {}
        result.append(
            Rejected(
                row_no=line - skipped - 1 - blanks_before,
                column_name=column.name if column and error_type == "CAST" else None,
                reason={"CAST": "wrong_type"}.get(error_type, error_type.lower().replace(" ", "_")),
                expected=column.type if column and error_type == "CAST" else f"{field_count} fields, as in the header",
                raw_value=fields.get(column.name) if column and not column.personal else None,
                raw_text=public_text(source, fields, text),
            )
        )
    return result


def _number_rows(connection: duckdb.DuckDBPyConnection, rejected: list[Rejected]) -> None:
    """Make the view `numbered_rows`: the number of a row is its place among those that fit, moved on by the rejected ones before."""
    if not rejected:
        connection.execute("create view numbered_rows as select *, rowid + 1 as _row_no, null::varchar as _where from prepared_rows")
        return
    fitting_before = [row.row_no - position for position, row in enumerate(rejected, start=1)]
    connection.execute(
        """
        create table rejected_rows as
        select fitting_before, max(position) as rejected_before
        from (select unnest(?::bigint[]) as fitting_before, unnest(?::bigint[]) as position) group by fitting_before
        """,
        [fitting_before, list(range(1, len(rejected) + 1))],
    ).complete()
    connection.execute(
        """
        create view numbered_rows as
        select prepared_rows.*, prepared_rows.rowid + 1 + coalesce(rejected_before, 0) as _row_no, null::varchar as _where
        from prepared_rows asof left join rejected_rows on prepared_rows.rowid >= fitting_before
        """
    )


def public_text(source: SourceDeclaration, fields: dict[str, str], text: str | None) -> str:
    """The text of a row as quarantine may keep it: whole when the source has no personal columns, else without them."""
    private = {column.name for column in source.columns if column.personal or column.free_text}
    if not private:
        return text or ""
    shown = {name: value for name, value in fields.items() if name not in private}
    return repr(shown) if shown else "withheld: the source holds personal data; see this row of the landed file"


def _fields(text: str | None, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO((text or "").lstrip("\r\n")), delimiter=delimiter), [])


def _blank_records(path: Path, delimiter: str, first: int, lines: list[int]) -> list[int]:
    """How many blank records, which are no records of the file, stand between the record `first` and each of `lines` (in rising
    order; DuckDB counts records from 1)."""
    if not _has_blank_records(path):
        return [0] * len(lines)
    counts, blanks, waiting = [], 0, iter(lines)
    next_line = next(waiting, None)
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        for number, record in enumerate(csv.reader(file, delimiter=delimiter), start=1):
            while number == next_line:
                counts.append(blanks)
                next_line = next(waiting, None)
            if next_line is None:
                break
            blanks += not record and number > first
    return counts + [blanks] * (len(lines) - len(counts))


def _has_blank_records(path: Path) -> bool:
    tail = b""
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            text = tail + chunk
            if any(mark in text for mark in BLANK_RECORDS):
                return True
            tail = text[-2:]
    return False
