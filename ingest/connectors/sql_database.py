"""A table or a query of a database: its rows land as Parquet, every value as the text that the database itself makes of it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.connectors import sql_dialects
from ingest.connectors.arrivals import Arrivals, Interval, SourceUnavailable
from ingest.connectors.credentials import Credentials, credentials
from ingest.connectors.extraction import Extraction, extraction
from ingest.connectors.sql_dialects import CURSOR, Column, Dialect
from ingest.declaration import DeclarationError, SourceDeclaration

if TYPE_CHECKING:
    import pyarrow
    import sqlalchemy
    from dlt.extract.incremental import Incremental

ROWS_AT_ONCE = 20_000


class DatabaseProblem(SourceUnavailable):
    """The database cannot be reached, stopped midway, or refuses what it is asked for; nothing was landed."""


@contextmanager
def arrivals(source: SourceDeclaration, interval: Interval | None = None) -> Iterator[Arrivals]:
    """The rows of a table or query, in one Parquet file.

    With `incremental`, those from the highest value on that was landed, or exactly those of an interval that is asked for
    again, and only up to now; no row, no file. Without it, all rows: a table that is empty gives a file without rows.

    Raises: DatabaseProblem, DeclarationError, ConnectionNotFound, and what `extraction` raises.
    """
    import sqlalchemy

    connector = source.connector
    login = credentials(connector.connection, source.name)
    with extraction(source, interval) as load:
        path = load.file("parquet")
        try:
            dialect = sql_dialects.dialect(login, source)
            engine = dialect.engine()
            try:
                is_empty = _write(load, dialect, engine, path)
            finally:
                engine.dispose()
        except (sqlalchemy.exc.SQLAlchemyError, UnicodeDecodeError) as error:
            raise DatabaseProblem(_problem(source, login, error)) from None
        found = load.arrivals([] if is_empty and connector.incremental else [path], _address(source, login))
        yield replace(found, is_complete=not connector.incremental)


def _problem(source: SourceDeclaration, login: Credentials, error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return (
        f"source {source.name}: expected rows of {source.connector.table or 'the query'} from {login.type} at {login.host} "
        f"(Airflow connection {login.connection}), found: {type(cause).__name__}: {login.hide(cause).strip()}. Nothing was "
        "landed; the next load asks for the same rows. If the table or a column has another name now, declare it; else ask who "
        "runs the database."
    )


def _address(source: SourceDeclaration, login: Credentials) -> str:
    port = f":{login.port}" if login.port else ""
    return f"{login.type}://{login.host}{port}/{login.schema}/{source.connector.table or 'query'}"


def _write(load: Extraction, dialect: Dialect, engine: sqlalchemy.Engine, path: Path) -> bool:
    """Write the rows to a Parquet file. Returns whether there were none.

    The file says when its rows were first found like this, so that a table that is again as it was some loads ago is a new file,
    and one that is as it was at the last load is not.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = _columns(load.source, dialect, engine)
    schema = pa.schema([(column.name, pa.string()) for column in columns])
    is_empty = True
    with _DigestingFile(path, "w") as file:
        file.digest.update(str(schema).encode())
        batches = closing(_batches(load, dialect, engine, columns))
        with batches as found, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for rows in found:
                writer.write_table(rows)
                is_empty = is_empty and not rows.num_rows
            writer.add_key_value_metadata({"found_at": _found_at(load.state, file.digest.hexdigest())})
    return is_empty


def _found_at(state: dict, digest: str) -> str:
    """When these rows were first found, if the load before found the same ones; else now. Kept in the state of the load."""
    if state.get("digest") != digest:
        state |= {"digest": digest, "found_at": datetime.now(timezone.utc).isoformat()}
    return state["found_at"]


class _DigestingFile(io.FileIO):
    """A file that knows the sha256 of what was written to it."""

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self.digest = hashlib.sha256()

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        return super().write(content)


def _columns(source: SourceDeclaration, dialect: Dialect, engine: sqlalchemy.Engine) -> list[Column]:
    """The columns that are asked for. Raises: DatabaseProblem when one of them is not there."""
    connector = source.connector
    found = {column.name: column for column in dialect.columns(engine)}
    wanted = [*(connector.columns or found), *([connector.incremental.cursor_path] if connector.incremental else [])]
    if missing := [name for name in wanted if name not in found]:
        raise DatabaseProblem(
            f"source {source.name}: expected the columns {', '.join(missing)} in {connector.table or 'the query'}, found "
            f"{', '.join(found)}; declare the new name under connector, or ask who runs the database"
        )
    return [found[name] for name in connector.columns or found]


def _batches(
    load: Extraction, dialect: Dialect, engine: sqlalchemy.Engine, columns: list[Column]
) -> Iterator[pyarrow.Table]:
    """The rows, all as text, at most ROWS_AT_ONCE of them at a time."""
    new = load.source.connector.incremental
    if not new:
        yield from _rows(dialect, engine, columns, None, None)
        return
    cursor = next(column for column in columns if column.name == new.cursor_path)
    if cursor.kind is None or (not cursor.is_time and not load.moves_cursor):
        raise DeclarationError(
            f"source {load.source.name}: expected a column of time or date{' or whole numbers' if load.moves_cursor else ''} as "
            f"cursor, found {cursor.name} of another type"
            + ("" if load.moves_cursor else "; load without an interval")
        )
    end = dialect.moment(cursor, load.end or datetime.now(timezone.utc)) if cursor.is_time else None
    if not load.moves_cursor:
        yield from _rows(dialect, engine, columns, cursor, (dialect.moment(cursor, load.start), end, False))
        return
    for rows in load.items(_resource(load, dialect, engine, columns, cursor, end)):
        yield rows.drop_columns([CURSOR])


def _resource(
    load: Extraction, dialect: Dialect, engine: sqlalchemy.Engine, columns: list[Column], cursor: Column, end: object
) -> object:
    """The dlt resource that keeps the highest value of the cursor in the state of the load.

    Rows at that value come again with the next load: another one may be committed with it. Where they would be there twice
    (append), dlt knows them by their hash.
    """
    import dlt

    new, upserts = load.source.connector.incremental, load.source.delivery.mode != "append"

    @dlt.resource(name="rows")
    def rows(
        highest: Incremental = dlt.sources.incremental(
            CURSOR,
            initial_value=_initial_value(load.source, dialect, cursor),
            primary_key=() if upserts else None,
            lag=dialect.lag(cursor, new.lag) or None,
            on_cursor_value_missing="include",
            allow_external_schedulers=False,
        ),
    ) -> Iterator[pyarrow.Table]:
        start, _ = highest.get_current_range()
        for found in _rows(dialect, engine, columns, cursor, (start, end, True)):
            if not upserts and found[CURSOR].null_count:
                raise DatabaseProblem(
                    f"source {load.source.name}: expected a value of {cursor.name} in every row, found none in "
                    f"{found[CURSOR].null_count}: every load would bring these rows again. Declare delivery upsert with a key, "
                    "or a query that leaves them out."
                )
            yield found

    return rows


def _initial_value(source: SourceDeclaration, dialect: Dialect, cursor: Column) -> object:
    """The declared initial value as a value of the column."""
    value = source.connector.incremental.initial_value
    if value is None:
        return None
    if isinstance(value, int) == cursor.is_time:
        raise DeclarationError(
            f"source {source.name}: expected an initial_value like those of the column {cursor.name}, found {value}"
        )
    return dialect.declared_moment(cursor, value) if isinstance(value, (date, datetime)) else value


def _rows(
    dialect: Dialect,
    engine: sqlalchemy.Engine,
    columns: list[Column],
    cursor: Column | None,
    bounds: tuple[object, object, bool] | None,
) -> Iterator[pyarrow.Table]:
    """The rows with a cursor from `bounds[0]` on and below `bounds[1]`, in its order; `bounds[2]`: those without one, too."""
    from dlt.sources.sql_database.helpers import TableLoader

    selected = dialect.select(columns, cursor, bounds)
    hints = {column.name: {"name": column.name, "data_type": "text"} for column in columns}
    is_asked = cursor is not None and bounds[2]
    if is_asked:
        hints[CURSOR] = {"name": CURSOR, **cursor.kind}
    loader = TableLoader(
        engine, "pyarrow", selected.subquery(), hints, chunk_size=ROWS_AT_ONCE, query_adapter_callback=lambda *_: selected
    )
    for rows in loader.load_rows():
        yield dialect.on_clock_of_source(rows, columns)
