"""Reads one Parquet file with DuckDB: every value as text in ISO form, which the loader casts to the declared types."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingest.declaration import SourceDeclaration
from ingest.readers import header
from ingest.readers.parsed import LIST_SEPARATOR, FileRejected, Parsed
from ingest.sql import literal, quoted

PLAIN, ENCRYPTED = b"PAR1", b"PARE"
SHORTEST = 12
MOST_DIGITS = 38
LONGEST_EXACT = 10**15
MAX_ROWS = 100_000_000
NESTED = re.compile(r"(STRUCT|MAP|UNION|VARIANT)\b|.*\]$", re.DOTALL)
PLAIN_LIST = re.compile(r"(?!STRUCT|MAP|UNION|VARIANT)[^\]]*\[\]$", re.DOTALL)


@dataclass(frozen=True)
class Field:
    """A column of the file: its name there, the name and type that DuckDB gives it, and its digits when it is a decimal."""

    name: str
    read_as: str
    type: str
    digits: int | None


def read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    """Read a landed Parquet file into the temporary table `parsed`, all values as text; `_row_no` counts the rows from 1.

    Args: connection: to DuckDB. source: the declaration. path: the landed bytes.
    Returns: Parsed. Raises: FileRejected when the file is no Parquet, is cut off, encrypted or too large, or its columns are not
    those of the source.
    """
    _check_ends(path)
    try:
        return _read(connection, source, path)
    except (duckdb.OutOfMemoryException, duckdb.InterruptException, duckdb.FatalException):
        raise
    except duckdb.Error as error:
        raise FileRejected(
            f"expected a Parquet file that can be read, found: {str(error).replace(str(path), 'the file')}; it may have been "
            "damaged or encrypted: ask for the file again"
        ) from error


def _check_ends(path: Path) -> None:
    with open(path, "rb") as file:
        first = file.read(4)
        size = file.seek(0, 2)
        file.seek(max(size - 4, 0))
        last = file.read(4)
    if ENCRYPTED in (first, last):
        raise FileRejected("expected a Parquet file, found an encrypted one; ask for it without encryption")
    if first != PLAIN:
        raise FileRejected(
            "expected a Parquet file, found another kind of file; a text table is declared as format: {type: csv}, a workbook "
            "as format: {type: xlsx}"
        )
    if last != PLAIN or size < SHORTEST:
        raise FileRejected("expected a whole Parquet file, found one that is cut off; ask for the file again")


def _read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    name = literal(str(path))
    (rows_in,) = connection.execute(f"select coalesce(sum(num_rows), 0)::bigint from parquet_file_metadata({name})").fetchone()
    if rows_in > MAX_ROWS:
        raise FileRejected(f"expected at most {MAX_ROWS} rows in a file, found {rows_in}; split the file")
    table = f"read_parquet({name}, file_row_number = true, hive_partitioning = false)"
    fields = _fields(connection, name, table)
    match = header.match([field.name for field in fields], source)
    columns = {column.name: column for column in match.by_position.values()}
    kept = {column.name: fields[i] for i, column in match.by_position.items() if not column.is_dropped}
    long = [f"{field.name} ({field.digits} digits)" for field in kept.values() if (field.digits or 0) > MOST_DIGITS]
    if long:
        raise FileRejected(
            f"expected decimals of at most {MOST_DIGITS} digits, found {', '.join(long)}, which would lose some; ask for the "
            "column as text"
        )
    values = [f"{_text(connection, table, field, source.time_zone)} as {quoted(name)}" for name, field in kept.items()]
    connection.execute(
        f"create or replace temp table parsed as select {', '.join([*values, 'file_row_number + 1 as _row_no'])} from {table}"
    )
    return Parsed(
        layout=match.layout,
        rows_in=rows_in,
        columns=columns,
        undeclared=match.undeclared,
        rejected=[],
        headers=match.headers,
    )


def _fields(connection: duckdb.DuckDBPyConnection, name: str, table: str) -> list[Field]:
    """The columns of the file, in its order. DuckDB calls the second of `ID` and `id` `id_1`, so the names are the file's own."""
    (_, children, _), *elements = connection.execute(
        f"select name, coalesce(num_children, 0), precision from parquet_schema({name})"
    ).fetchall()
    found, left = [], 0
    for element_name, element_children, digits in elements:
        if not left:
            found.append((element_name, digits))
        left = max(left - 1, 0) + element_children
    read_as = connection.execute(f"select column_name, column_type from (describe select * from {table})").fetchall()
    if children != len(found):
        raise FileRejected(f"expected {children} columns as the file says, found {len(found)}; ask for the file again")
    return [
        Field(own, other, type_, digits) for (own, digits), (other, type_) in zip(found, read_as[: len(found)], strict=True)
    ]


def _text(connection: duckdb.DuckDBPyConnection, table: str, field: Field, time_zone: str) -> str:
    """The SQL of a value as text: ISO dates and times, exact decimals, TRUE and FALSE, whole numbers without `.0`."""
    value = quoted(field.read_as)
    if field.type == "BOOLEAN":
        return f"upper({value}::varchar)"
    if field.type in ("DOUBLE", "FLOAT"):
        whole = f"{value} = trunc({value}) and abs({value}) < {LONGEST_EXACT}"
        return f"if({whole}, try_cast({value} as bigint)::varchar, {value}::varchar)"
    if field.type in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"):
        return _local_time(f"{value}::timestamptz", time_zone)
    if field.type == "BLOB":
        is_text = f"select bool_and({value} is null or try(decode({value})) is not null) from {table}"
        (is_text,) = connection.execute(is_text).fetchone()
        return f"decode({value})" if is_text else f"hex({value})"
    if PLAIN_LIST.match(field.type):
        return f"array_to_string({value}, {literal(LIST_SEPARATOR)})"
    if NESTED.match(field.type):
        return f"to_json({value})::varchar"
    return f"{value}::varchar"


def _local_time(value: str, time_zone: str) -> str:
    """A point in time on the clock of the source, with what that clock is ahead of UTC: `2026-03-05 15:00:00+08:00`."""
    local = f"({value} at time zone {literal(time_zone)})"
    ahead = f"date_diff('minute', {value} at time zone 'UTC', {local})"
    return f"{local}::varchar || printf('%s%02d:%02d', if({ahead} < 0, '-', '+'), abs({ahead}) // 60, abs({ahead}) % 60)"
