"""Reads one CSV file with DuckDB: declared delimiter, declared types, rejected rows kept. Nothing is sniffed."""

from __future__ import annotations

import bisect
import codecs
import csv
import io
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.declaration import ColumnDeclaration, SourceDeclaration, declarations

CHUNK = 1 << 20
BLANK_RECORDS = (b"\n\n", b"\n\r\n", b"\r\r")


class FileRejected(ValueError):
    """A file that cannot be loaded as a whole; the message names expected, found and what to do."""


@dataclass(frozen=True)
class Rejected:
    """A row that the reader could not fit. `row_no` counts the file's records from 1, without the header."""

    row_no: int
    column_name: str | None
    reason: str
    expected: str
    raw_value: str | None
    raw_text: str | None


@dataclass(frozen=True)
class Parsed:
    """What the reader found. The rows lie in the temporary table `parsed`: one text or typed column per declared column
    in the file, in file order (`rowid`)."""

    layout: str
    rows_in: int
    columns: dict[str, ColumnDeclaration]
    missing: list[ColumnDeclaration]
    undeclared: list[str]
    rejected: list[Rejected]


def read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    """Read a landed CSV file into the temporary table `parsed`.

    Args: connection: to DuckDB. source: the declaration. path: the landed bytes.
    Returns: Parsed. Raises: FileRejected when the file is empty, cannot be decoded, or its header is not that of the source.
    """
    with _utf8(path, source.format.encoding) as readable:
        header = _header(readable, source)
        layout, by_position, undeclared = _match(header, source)
        names = [by_position[i].name if i in by_position else f"undeclared_{i}" for i in range(len(header))]
        types = [reader_type(by_position[i]) if i in by_position else "varchar" for i in range(len(header))]
        kept = ", ".join(_quoted(column.name) for column in by_position.values() if column.personal != "drop")
        for table in ("parsed", "reject_errors", "reject_scans"):
            connection.execute(f"drop table if exists {table}")
        connection.execute(
            f"""
            create temp table parsed as
            select {kept} from read_csv(?, auto_detect = false, header = true, delim = ?, quote = '"', escape = '"',
                columns = ?, store_rejects = true, strict_mode = true)
            """,
            [str(readable), source.format.delimiter, dict(zip(names, types, strict=True))],
        )
        rejected = _rejected(connection, readable, source, by_position, len(header))
    columns = {column.name: column for column in by_position.values()}
    (rows_fitting,) = connection.execute("select count(*) from parsed").fetchone()
    return Parsed(
        layout=layout,
        rows_in=rows_fitting + len(rejected),
        columns=columns,
        missing=[column for column in source.columns if column.name not in columns],
        undeclared=undeclared,
        rejected=rejected,
    )


def reader_type(column: ColumnDeclaration) -> str:
    """The type the reader itself casts to: the declared one, or text when the column has formats of its own."""
    return "varchar" if column.formats else column.type


@contextmanager
def _utf8(path: Path, encoding: str) -> Iterator[Path]:
    """A path to the same text in UTF-8. Only other encodings are written again; decoding is strict."""
    if path.stat().st_size == 0:
        raise FileRejected("expected a header and rows, found an empty file (0 bytes); ask for the file again")
    if encoding == "utf-8":
        yield path
        return
    with tempfile.NamedTemporaryFile(suffix=".csv") as copy:
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        position = 0
        with open(path, "rb") as landed:
            while True:
                chunk = landed.read(CHUNK)
                try:
                    copy.write(decoder.decode(chunk, final=not chunk).encode("utf-8"))
                except UnicodeDecodeError as error:
                    raise FileRejected(
                        f"expected text in {encoding} as declared, found bytes that are not, near byte "
                        f"{position + error.start}; declare the encoding that the producer uses"
                    ) from error
                if not chunk:
                    break
                position += len(chunk)
        copy.flush()
        yield Path(copy.name)


def _header(path: Path, source: SourceDeclaration) -> list[str]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        try:
            return next(csv.reader(file, delimiter=source.format.delimiter), [])
        except UnicodeDecodeError as error:
            raise FileRejected(
                f"expected text in UTF-8 as declared, found the byte 0x{error.object[error.start]:02x} near the start; "
                "save the file as UTF-8, or, if all files of this source are so, declare their encoding (gb18030, cp1252, utf-16)"
            ) from error
        except csv.Error as error:
            raise FileRejected(f"expected a header of {source.name}, found a line that is not CSV: {error}") from error


def normalised_header(text: str) -> str:
    """Headers are compared in NFKC, without spaces, in lower case: `金额（元）` and `金额(元)` are one."""
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()


def _match(header: list[str], source: SourceDeclaration) -> tuple[str, dict[int, ColumnDeclaration], list[str]]:
    """Match a file's header with the declaration → (layout, column by position, headers that are not declared)."""
    found = [normalised_header(text) for text in header]
    doubled = sorted({text for text in found if text and found.count(text) > 1})
    if doubled:
        raise FileRejected(f"expected each header once, found more than one of: {', '.join(doubled)}")
    column_by_header = {normalised_header(text): column for column in source.columns for text in column.headers}
    by_position = {i: column_by_header[text] for i, text in enumerate(found) if text in column_by_header}
    matched = {column.name for column in by_position.values()}
    missing = [column for column in source.columns if column.required and column.name not in matched]
    layout = next(
        (name for name, marks in source.layouts.items() if {normalised_header(mark) for mark in marks} <= set(found)),
        None if source.layouts else "default",
    )
    if missing or layout is None:
        raise FileRejected(_header_message(header, source, missing))
    undeclared = [text for i, text in enumerate(header) if i not in by_position]
    if undeclared and source.undeclared_columns == "block":
        raise FileRejected(
            f"expected only declared columns, found also: {', '.join(undeclared)}; declare them in {source.folder.name}/"
        )
    return layout, by_position, undeclared


def _header_message(header: list[str], source: SourceDeclaration, missing: list[ColumnDeclaration]) -> str:
    expected = ", ".join(column.headers[0] for column in source.columns if column.required)
    what = (
        "missing: " + ", ".join(" or ".join(column.headers) for column in missing)
        if missing
        else "no layout has these columns; declared layouts: "
        + "; ".join(f"{name}: {', '.join(marks)}" for name, marks in source.layouts.items())
    )
    found = set(map(normalised_header, header))
    other = [
        candidate.name
        for candidate in declarations()
        if candidate.name != source.name
        and {normalised_header(column.headers[0]) for column in candidate.columns if column.required} <= found
    ]
    hint = (
        f"; this looks like a file of the source {other[0]}: move it to that folder"
        if other
        else f"; ask the producer for the column, or declare its new name in {source.folder.name}/_{source.name}__sources.yml"
    )
    return f"expected the columns {expected}; found {', '.join(header)}; {what}{hint}"


def _rejected(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: SourceDeclaration,
    by_position: dict[int, ColumnDeclaration],
    field_count: int,
) -> list[Rejected]:
    """The reader's rejects, one per row. Text of sources with personal columns is kept without those columns."""
    errors = connection.execute(
        """
        select line, min_by(column_name, column_idx), min_by(error_type::varchar, column_idx), any_value(csv_line)
        from reject_errors group by line order by line
        """
    ).fetchall()
    if not errors:
        return []
    blanks = _blank_records(path, source.format.delimiter)
    columns = {column.name: column for column in by_position.values()}
    result = []
    for line, column_name, error_type, text in errors:
        column = columns.get(column_name)
        values = _fields(text, source.format.delimiter)
        complete = len(values) == field_count
        fields = {by_position[i].name: value for i, value in enumerate(values) if i in by_position} if complete else {}
        result.append(
            Rejected(
                row_no=line - 1 - bisect.bisect_left(blanks, line),
                column_name=column.name if column and error_type == "CAST" else None,
                reason={"CAST": "wrong_type"}.get(error_type, error_type.lower().replace(" ", "_")),
                expected=column.type if column and error_type == "CAST" else f"{field_count} fields, as in the header",
                raw_value=fields.get(column.name) if column and not column.personal else None,
                raw_text=public_text(source, fields, text),
            )
        )
    return result


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


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
