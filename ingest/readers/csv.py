"""Reads one CSV file with DuckDB: declared dialect, declared types, rejected rows kept. Nothing is sniffed."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

import duckdb

from ingest.columns import matching_skips, sort_rows
from ingest.declaration import ColumnDeclaration, SourceDeclaration
from ingest.declared.formats import CsvFormat
from ingest.readers import header
from ingest.readers.parsed import FileRejected, Parsed, Rejected
from ingest.readers.text import CHUNK, COPY, LONGEST_LINE, regular, utf8
from ingest.sql import literal, quoted
from ingest.warehouse import scratch

BLANK_RECORDS = (b"\n\n", b"\n\r\n")
MAX_UNCLOSED = 20
MOST_LINES_OF_A_RECORD = 100
MOST_LINES_ABOVE = 10_000
SEARCHED_FOR_A_ROW = 10
csv.field_size_limit(LONGEST_LINE)


def read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    """Read a landed CSV file, its rows prepared on their way (`columns.sort_rows`), into the view `numbered_rows`.

    Args: connection: to a scratch database. source: the declaration. path: the landed bytes.
    Returns: Parsed. Raises: FileRejected when the file is empty, cannot be decoded, or its header is not that of the source.
    """
    with utf8(path, source.format.encoding, is_thorough=False, are_lines_rows=True) as text:
        parsed = _read_text(connection, source, text.path)
    if not text.is_sure and any(row.reason == "invalid_encoding" for row in parsed.rejected):
        with utf8(path, source.format.encoding, are_lines_rows=True) as text:
            parsed = _read_text(connection, source, text.path)
    return dataclasses.replace(parsed, encoding=text.encoding)


def _read_text(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    form = source.format
    has_header = form.header_row != "none"
    with ExitStack() as copies:
        readable = copies.enter_context(regular(path, form.wrapped_lines))
        above = _first_records(readable, form)
        if has_header:
            found = header.find(above, source, fill_right=True)
            match = header.match(found.names, source)
            width, first = len(found.names), found.first
            told = header.told_above(above[:first], source)
            skipped = first + found.rows - 1
        else:
            row = next((record for record in above if record), [])
            match, width, first, told, skipped = header.by_order(len(row), row, source), len(row), 0, {}, 0
        by_position = {position: with_marks(column, form) for position, column in match.by_position.items()}
        names = [by_position[i].name if i in by_position else f"undeclared_{i}" for i in range(width)]
        types = [reader_type(by_position[i]) if i in by_position else "varchar" for i in range(width)]
        kept = [quoted(column.name) for column in by_position.values() if not column.is_dropped]
        kept += [f"{literal(text) if text else 'null::varchar'} as {quoted(name)}" for name, text in told.items()]
        columns = {column.name: column for column in by_position.values()}
        columns |= {column.name: column for column in source.columns if column.name in form.filled}

        # Cells that are corrected are numbered first, and sorted by the loader after the correction.
        is_prepared = not any(column.is_corrected for column in columns.values())
        fitting = "prepared_rows" if is_prepared else "fitting_rows"

        def prepare(file: Path) -> None:
            _prepare(connection, source, file, columns, kept, dict(zip(names, types, strict=True)), skipped, is_prepared)

        prepare(readable)
        unclosed: dict[int, str] = {}
        while line := _unclosed(connection, readable, form):
            if len(unclosed) == MAX_UNCLOSED:
                raise FileRejected(
                    f"expected closed quotes, found more than {MAX_UNCLOSED} lines with a quote that is not closed, the first is "
                    f"{min(unclosed)}; if quotes are plain characters in this file, declare quote: none"
                )
            readable, unclosed[line] = copies.enter_context(_with_spoilt_line(readable, line, form, width))
            prepare(readable)
        rejected, passed_over, ends = _rejected(connection, readable, source, by_position, width, skipped + has_header, unclosed)
    title_rows = sum(1 for record in above[:first] if record)
    (rows_fitting,) = connection.execute(f"select count(*) from {fitting}").fetchone()
    _number_rows(connection, sorted([*(row.row_no for row in rejected), *passed_over]), fitting)
    if not is_prepared:
        connection.execute("create or replace temp table parsed as from numbered_rows")
        connection.execute("drop view numbered_rows; drop table fitting_rows")
    return Parsed(
        layout=match.layout,
        rows_in=title_rows + rows_fitting + len(rejected) + len(passed_over),
        columns=columns,
        undeclared=match.undeclared,
        rejected=rejected,
        rows_skipped=title_rows + len(passed_over),
        is_typed=True,
        is_prepared=is_prepared,
        filled=set(form.filled),
        ends=ends,
        headers=match.headers,
    )


def reader_type(column: ColumnDeclaration) -> str:
    """The type the reader itself casts to: the declared one, or text when the loader casts."""
    return "varchar" if column.is_read_as_text else column.type


def with_marks(column: ColumnDeclaration, form: CsvFormat) -> ColumnDeclaration:
    """The column with the marks of the format in its numbers, unless it has its own."""
    if not column.is_number or column.has_marks or not form.has_marks:
        return column
    return column.model_copy(update={"decimal": form.decimal, "thousands": form.thousands})


def _dialect(form: CsvFormat) -> dict[str, object]:
    """The dialect of a format, for Python's reader."""
    if form.quote == "none":
        return {"delimiter": form.delimiter, "quoting": csv.QUOTE_NONE}
    is_doubled = form.escape == "doubled"
    return {
        "delimiter": form.delimiter, "quotechar": form.quote, "doublequote": is_doubled,
        "escapechar": None if is_doubled else "\\",
    }  # fmt: skip


def _prepare(
    connection: duckdb.DuckDBPyConnection,
    source: SourceDeclaration,
    path: Path,
    columns: dict[str, ColumnDeclaration],
    kept: list[str],
    types: dict[str, str],
    skipped: int,
    is_prepared: bool,
) -> None:
    """Make the table `prepared_rows` of the records below the header, or `fitting_rows`, as they stand in the file; DuckDB notes
    those that do not fit. `kept` is SQL of the columns to keep, `types` what each column of the file is read as; `skipped`
    records stand above the header."""
    form = source.format
    connection.execute("drop view if exists numbered_rows")
    for table in ("prepared_rows", "fitting_rows", "rejected_rows", "reject_errors", "reject_scans"):
        connection.execute(f"drop table if exists {table}")
    quote = "" if form.quote == "none" else form.quote
    rows = f"""
        (select {", ".join(kept)} from read_csv(?, auto_detect = false, header = {form.header_row != "none"}, skip = {skipped},
            delim = ?, quote = ?, escape = ?, columns = ?, store_rejects = true, strict_mode = true))
        """
    parameters = [str(path), form.delimiter, quote, quote and ("\\" if form.escape == "backslash" else quote), types]
    if is_prepared:
        sort_rows(connection, source, columns.values(), rows, parameters, is_typed=True, filled=form.filled)
    else:
        connection.execute(f"create temp table fitting_rows as from {rows}", parameters).complete()


def _records(path: Path, form: CsvFormat, most_lines: int | None = None) -> Iterator[list[str]]:
    """The records of a file, blank ones too, or those of its first lines."""
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        yield from csv.reader(islice(file, most_lines), **_dialect(form))


def _first_records(path: Path, form: CsvFormat) -> list[list[str]]:
    """The records that the header is looked for in. A blank line is an empty record."""
    if form.header_row == "auto":
        wanted = header.SEARCHED_ROWS
    else:
        wanted = SEARCHED_FOR_A_ROW if form.header_row == "none" else form.header_row + form.header_rows - 1
    try:
        return list(islice(_records(path, form, MOST_LINES_ABOVE), wanted))
    except csv.Error as error:
        raise FileRejected(
            f"expected a header and rows, found a line that is not CSV: {error}; check delimiter and quote under format in the "
            "declaration, or ask for the file again"
        ) from error


def _unclosed(connection: duckdb.DuckDBPyConnection, path: Path, form: CsvFormat) -> int | None:
    """The first record with a quote that is not closed in it, as DuckDB counts records; None when there is none.

    A quote that is closed some lines further down is a fault of that record; one that is not would take all that follows with it.
    """
    faulty = connection.execute(
        "select distinct line from reject_errors where error_type in ('UNQUOTED VALUE', 'LINE SIZE OVER MAXIMUM') order by line"
    ).fetchall()
    for (line,) in faulty:
        before, is_open = _lines_before(path, line, form), False
        with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
            for text in islice(file, before, before + MOST_LINES_OF_A_RECORD):
                marks = text if form.escape == "doubled" else re.sub(r"\\.", "", text)
                is_open ^= marks.count(form.quote) % 2 == 1
                if not is_open:
                    break
        if is_open:
            return line
    return None


def _lines_before(path: Path, record: int, form: CsvFormat) -> int:
    """How many lines a file has before the one that a record begins in."""
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file, **_dialect(form))
        for _ in islice(reader, record - 1):
            pass
        return reader.line_num


@contextmanager
def _with_spoilt_line(path: Path, record: int, form: CsvFormat, width: int) -> Iterator[tuple[Path, str]]:
    """A copy of the file in which the line that a record begins in has too many fields, and is rejected alone; and its text."""
    before, text = _lines_before(path, record, form), b""
    too_many_fields = form.delimiter.join(["x"] * (width + 2)).encode()
    with scratch() as folder, open(folder / COPY, "wb") as copy, open(path, "rb") as lines:
        for number, line in enumerate(lines):
            if number == before:
                text = line.rstrip(b"\r\n")
                line = too_many_fields + line[len(text) :]
            copy.write(line)
        copy.flush()
        yield Path(copy.name), text.decode("utf-8", "replace")


def _rejected(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: SourceDeclaration,
    by_position: dict[int, ColumnDeclaration],
    field_count: int,
    above: int,
    unclosed: dict[int, str],
) -> tuple[list[Rejected], list[int], list[int]]:
    """The reader's rejects, one per row, the numbers of those that are skipped by declaration, and of those that end the data.

    `above` records stand above the rows, `unclosed` are the lines with a quote that is not closed. Text of sources with personal
    columns is kept without those.
    """
    errors = connection.execute(
        """
        select line, min_by(column_name, column_idx), min_by(error_type::varchar, coalesce(column_idx, 0)), any_value(csv_line)
        from reject_errors group by line order by line
        """
    ).fetchall()
    if not errors:
        return [], [], []
    form = source.format
    blanks = _blank_records_before(path, form, above, [line for line, *_ in errors])
    columns = {column.name: column for column in by_position.values()}
    result, skipped, ends = [], [], []
    for (line, column_name, error_type, text), blanks_before in zip(errors, blanks, strict=True):
        column = columns.get(column_name)
        values = [] if line in unclosed else _fields(text, form)
        fields = {by_position[i].name: value for i, value in enumerate(values) if i in by_position}
        row_no = line - above - blanks_before
        if skips := matching_skips(source, fields):
            skipped.append(row_no)
            ends += [row_no] if any(skip.below for skip in skips) else []
            continue
        complete = len(values) == field_count
        is_wrong_type = column is not None and error_type == "CAST" and line not in unclosed
        if line in unclosed:
            reason, expected = "unclosed_quote", f"a closing {form.quote}"
        else:
            reason = {"CAST": "wrong_type"}.get(error_type, error_type.lower().replace(" ", "_"))
            expected = column.type if is_wrong_type else f"{field_count} fields, as in the header"
        result.append(
            Rejected(
                row_no=row_no,
                column_name=column.name if is_wrong_type else None,
                reason=reason,
                expected=expected,
                raw_value=fields.get(column.name) if complete and column and not column.personal else None,
                raw_text=public_text(source, fields if complete else {}, unclosed.get(line, text)),
            )
        )
    return result, skipped, ends


def _number_rows(connection: duckdb.DuckDBPyConnection, not_fitting: list[int], fitting: str) -> None:
    """Make the view `numbered_rows`: the number of a row is its place among those that fit, moved on by the others before it."""
    if not not_fitting:
        connection.execute(
            f"create view numbered_rows as select *, rowid + 1 as _row_no, null::varchar as _where from {fitting}"
        )
        return
    fitting_before = [row_no - position for position, row_no in enumerate(not_fitting, start=1)]
    connection.execute(
        """
        create table rejected_rows as
        select fitting_before, max(position) as rejected_before
        from (select unnest(?::bigint[]) as fitting_before, unnest(?::bigint[]) as position) group by fitting_before
        """,
        [fitting_before, list(range(1, len(not_fitting) + 1))],
    ).complete()
    connection.execute(
        f"""
        create view numbered_rows as
        select {fitting}.*, {fitting}.rowid + 1 + coalesce(rejected_before, 0) as _row_no, null::varchar as _where
        from {fitting} asof left join rejected_rows on {fitting}.rowid >= fitting_before
        """
    )


def public_text(source: SourceDeclaration, fields: dict[str, str], text: str | None) -> str:
    """The text of a row as quarantine may keep it: whole when the source has no personal columns, else without them."""
    private = {column.name for column in source.columns if column.personal or column.free_text}
    if not private:
        return text or ""
    shown = {name: value for name, value in fields.items() if name not in private}
    return repr(shown) if shown else "withheld: the source holds personal data; see this row of the landed file"


def _fields(text: str | None, form: CsvFormat) -> list[str]:
    return next(csv.reader(io.StringIO((text or "").lstrip("\r\n")), **_dialect(form)), [])


def _blank_records_before(path: Path, form: CsvFormat, above: int, lines: list[int]) -> list[int]:
    """How many blank records, which are no records of the file, stand before each of `lines` (in rising order, as DuckDB counts
    records, from 1) and below the first `above`."""
    if not _has_blank_records(path):
        return [0] * len(lines)
    counts, blanks, waiting = [], 0, iter(lines)
    next_line = next(waiting, None)
    for number, record in enumerate(_records(path, form), start=1):
        while number == next_line:
            counts.append(blanks)
            next_line = next(waiting, None)
        if next_line is None:
            break
        blanks += not record and number > above
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
