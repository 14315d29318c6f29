"""Drift: how the columns of a file differ from those of the file before it, before it breaks anything.

What a file's columns were stands in `ops.file_column`; the view `ops.column_drift` compares each batch with the last accepted one
of the same source and layout. The raw gate reports it with the severity that the source's policy gives.
"""

from __future__ import annotations

import duckdb

from ingest import warehouse
from ingest.declaration import SourceDeclaration
from ingest.readers.parsed import Parsed
from ingest.sql import quoted

SAMPLED_ROWS = 20_000
# A column counts as numbers or dates when nearly all of its values are: a few typing errors are no new kind.
DOMINANT_SHARE = 0.95
# A leading zero makes a code, not a number.
_NUMBER = "(not starts_with(_value, '0') or length(_value) = 1 or starts_with(_value, '0.'))"
_TESTS = {
    "integer": f"regexp_full_match(_value, '[+-]?[0-9]+') and {_NUMBER}",
    "decimal": f"try_cast(_value as double) is not null and {_NUMBER}",
    "date": "try_cast(replace(_value, '/', '-') as timestamp) is not null",
}
# SQL: the kind of the filled values in the column `_value`.
KIND = "case {} else 'text' end".format(
    " ".join(f"when count(*) filter ({test}) >= {DOMINANT_SHARE} * count(*) then '{kind}'" for kind, test in _TESTS.items())
)


def record(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, parsed: Parsed, batch_id: str) -> None:
    """Write down the columns of a batch: header as found, declared column (if it is one), and the kind of its values.

    The kind of a typed column is its declared type; that of text is integer, decimal, date or text, whichever nearly all values
    of its first rows are; personal columns have none.

    Args: connection: a writer inside the transaction that stored the batch. source: its declaration. parsed: what the reader
    found.
    """
    connection.execute("delete from ops.file_column where batch_id = ?", [batch_id])
    kinds = _kinds(connection, source, parsed, batch_id)
    found = [(header, name, *kinds.get(name, (None, None))) for name, header in parsed.headers.items()]
    found += [(header, None, None, None) for header in parsed.undeclared if header.strip()]
    if found:
        connection.executemany(
            "insert into ops.file_column values (?, ?, ?, ?, ?, ?, ?)",
            [(batch_id, source.name, position, *row) for position, row in enumerate(found, start=1)],
        )


def never_seen(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, headers: list[str]) -> list[str]:
    """Those of the headers that no file of the source had so far."""
    known = {header for (header,) in connection.execute(
        "select distinct header from ops.file_column where source = ?", [source.name]).fetchall()}
    return [header for header in headers if header.strip() and header not in known]


def _kinds(
    connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, parsed: Parsed, batch_id: str
) -> dict[str, tuple[str | None, int | None]]:
    """Column → kind of its values and number of filled ones among the first rows of the batch."""
    kinds: dict[str, tuple[str | None, int | None]] = {
        name: (column.type, None) for name, column in parsed.columns.items() if column.type != "varchar" and not column.is_dropped
    }
    text = [name for name, column in parsed.columns.items() if column.type == "varchar" and not column.personal]
    if not text:
        return kinds
    # One column below the other: to plan the same tests for each column takes longer than to read a small file.
    found = connection.execute(
        f"""
        with sampled as (
            select {", ".join(f"nullif(trim({quoted(name)}), '') as {quoted(name)}" for name in text)} from raw.{source.name}
            where _batch_id = $batch
                and _row_no < (select min(_row_no) + {SAMPLED_ROWS} from raw.{source.name} where _batch_id = $batch)
        )
        select _name, {KIND}, count(*)
        from (unpivot sampled on {", ".join(map(quoted, text))} into name _name value _value)
        group by _name
        """,
        {"batch": batch_id},
    ).fetchall()
    return kinds | dict.fromkeys(text, (None, 0)) | {name: (kind, filled) for name, kind, filled in found}


def changes(source_name: str | None = None) -> list[dict[str, str | None]]:
    """What changed in the columns of files, the newest file first: source, file_name, batch_id, change (added, removed, renamed,
    retyped), header, column_name, before, after, previous_file_name.

    Args: source_name: of one source; default all. Raises: FileNotFoundError when nothing was loaded yet.
    """
    with warehouse.reader() as connection:
        found = connection.execute(
            """
            select drift.source, file.file_name, drift.batch_id, drift.change, drift.header, drift.column_name, drift.before,
                drift.after, previous_file.file_name as previous_file_name
            from ops.column_drift as drift
            inner join ops.batch as batch using (batch_id)
            inner join ops.file as file on file.source = batch.source and file.file_id = batch.file_id
            inner join ops.batch as previous on previous.batch_id = drift.previous_batch_id
            inner join ops.file as previous_file
                on previous_file.source = previous.source and previous_file.file_id = previous.file_id
            where $source is null or drift.source = $source
            order by batch.batch_no desc, drift.change, drift.header
            """,
            {"source": source_name},
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
