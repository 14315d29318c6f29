"""Lets Great Expectations work inside a DuckDB connection that is already open.

2026-11, workaround: Great Expectations 1.24 has no DuckDB dialect, and through duckdb-engine 0.17 every metric fails with
`list index out of range` (fivetran/great_expectations #10738, #11579): it fetches rows after it has given the connection
back, and the rollback at that moment wipes the pending result, because duckdb-engine's cursor *is* the connection. Here
each cursor is a DuckDB cursor of its own, and nothing begins or rolls back a transaction. Remove this module once Great
Expectations has a `DuckDBExecutionEngine` (proposed in #12084).

The file is never opened a second time: `ingest.warehouse` is its sole opener. An engine made from the URL that `lend`
yields works on cursors of the connection that was lent. A cursor is a session of its own: it sees what is committed, and
no temporary tables of the lender.

Importing this module imports SQLAlchemy (about 0.5 s): do it inside functions.
"""

from __future__ import annotations

import atexit
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
from duckdb_engine import ConnectionWrapper, CursorWrapper, Dialect
from sqlalchemy import pool
from sqlalchemy.dialects import registry

DRIVER = "duckdb+buffered"

_lent: dict[str, duckdb.DuckDBPyConnection] = {}


class BufferedCursor(CursorWrapper):
    """A DuckDB cursor of its own: its pending result survives whatever happens to the connection."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, connection: "LentConnection") -> None:
        super().__init__(cursor, connection)
        self._cursor = cursor

    def close(self) -> None:
        self._cursor.close()


class LentConnection(ConnectionWrapper):
    """A connection that somebody else opened and will close."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(connection)
        self._connection = connection

    def cursor(self) -> BufferedCursor:
        return BufferedCursor(self._connection.cursor(), self)

    def close(self) -> None:
        self.closed = True


class BufferedDialect(Dialect):
    """`duckdb+buffered:///<token>`: duckdb-engine's dialect on a lent connection."""

    driver = "buffered"
    supports_statement_cache = False

    def create_connect_args(self, url) -> tuple[tuple, dict]:
        return (url.database,), {}

    def connect(self, token: str, **_: object) -> LentConnection:
        if token not in _lent:
            raise duckdb.ConnectionException(
                f"expected a DuckDB connection lent under {token!r}, found none: it has been taken back. "
                "Use the engine inside `with lend(connection)` only."
            )
        return LentConnection(_lent[token])

    def do_begin(self, connection: LentConnection) -> None:
        """Nothing: each statement is a transaction of its own."""

    def do_rollback(self, connection: LentConnection) -> None:
        """Nothing: see do_begin."""

    def do_commit(self, connection: LentConnection) -> None:
        """Nothing: see do_begin."""

    @classmethod
    def get_pool_class(cls, url) -> type[pool.Pool]:
        return pool.NullPool


registry.register(DRIVER.replace("+", "."), __name__, BufferedDialect.__name__)


@contextmanager
def lend(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Lend an open DuckDB connection to SQLAlchemy.

    Args: connection: open; the lender must not be inside a transaction whose changes are to be seen.
    Yields: a database URL that works until the end of the block.
    """
    token = secrets.token_hex(8)
    _lent[token] = connection
    try:
        yield f"{DRIVER}:///{token}"
    finally:
        del _lent[token]


@atexit.register
def _let_go_of_duckdb() -> None:
    """2026-11: Great Expectations keeps duckdb-engine's classes alive until after DuckDB is torn down, and DuckDB 2.0 then
    prints 40 lines of `nanobind: leaked …` to stderr, after everything has worked. So empty those modules before."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "duckdb_engine":
            vars(module).clear()
    globals().pop("duckdb", None)
