"""Stores what the reader of another package yields, as every other reader does."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import duckdb

from ingest import plugin
from ingest.declaration import SourceDeclaration
from ingest.plugin import FaultyRecord, Record, UnreadableFile
from ingest.readers import header
from ingest.readers.csv import public_text
from ingest.readers.parsed import FileRejected, Parsed, Rejected, no_records
from ingest.sql import quoted

ROWS_AT_ONCE = 10_000
MAX_HEADERS = 10_000


def read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    """Read a landed file with the plug-in that the source declares into the temporary table `parsed`, all values as text.

    Args: connection: to DuckDB. source: the declaration. path: the landed bytes.
    Returns: Parsed. Raises: FileRejected when the plug-in cannot read the file, or its headers are not those of the source.
    """
    names, faulty = {}, []
    rows_in = 0
    connection.execute("create or replace temp table records (row_no bigint)")
    records = _records(source, path)
    while part := list(islice(records, ROWS_AT_ONCE)):
        rows_in += len(part)
        faulty += [record for record in part if isinstance(record, FaultyRecord)]
        _keep(connection, [record for record in part if isinstance(record, Record)], names)
    if not rows_in:
        return no_records(connection, source)
    match = header.match(list(names), source)
    columns = {column.name: column for column in match.by_position.values()}
    kept = [
        f"nullif(value_{position}, '') as {quoted(column.name)}"
        for position, column in match.by_position.items()
        if not column.is_dropped
    ]
    connection.execute(f"create or replace temp table parsed as select {', '.join([*kept, 'row_no as _row_no'])} from records")
    connection.execute("drop table records")
    return Parsed(
        layout=match.layout,
        rows_in=rows_in,
        columns=columns,
        undeclared=match.undeclared,
        rejected=[
            Rejected(one.row_no, None, one.reason, one.expected, None, public_text(source, {}, one.text)) for one in faulty
        ],
        headers=match.headers,
    )


def _records(source: SourceDeclaration, path: Path) -> Iterator[Record | FaultyRecord]:
    """What the plug-in yields. A fault of its own blocks the file, not the load."""
    name = source.format.type
    try:
        for record in plugin.load(name).read(path, source.format.options):
            if not isinstance(record, (Record, FaultyRecord)):
                raise TypeError(f"expected it to yield Record or FaultyRecord, found {type(record).__name__}")
            yield record
    except UnreadableFile as error:
        raise FileRejected(str(error)) from error
    except Exception as error:  # a foreign package may fail in any way
        raise FileRejected(
            f"expected a file that the reader of the format {name} understands, found that it failed: {type(error).__name__}: "
            f"{error}; tell those who maintain it"
        ) from error


def _keep(connection: duckdb.DuckDBPyConnection, records: list[Record], names: dict[str, int]) -> None:
    """Append records to the temporary table `records`: a column `value_<n>` per header, in the order in which they appear."""
    before = len(names)
    for record in records:
        for name in record.values:
            names.setdefault(name, len(names))
    if len(names) > MAX_HEADERS:
        raise FileRejected(f"expected at most {MAX_HEADERS} headers, found more; check format in the declaration")
    for position in range(before, len(names)):
        connection.execute(f"alter table records add column value_{position} varchar")
    values = [[None if (value := record.values.get(name)) is None else str(value) for record in records] for name in names]
    connection.execute(
        f"insert into records select {', '.join(['unnest(?::bigint[])'] + ['unnest(?::varchar[])'] * len(names))}",
        [[record.row_no for record in records], *values],
    )
