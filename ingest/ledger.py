"""The ledger of what has arrived: what was refused, and what need not be fetched again."""

from __future__ import annotations

import hashlib

import duckdb

from ingest import warehouse
from ingest.connectors.arrivals import Arrival, Refused, Unchanged
from ingest.settings import settings


def fetched(source_name: str) -> dict[str, tuple[str, Unchanged]]:
    """What a source's connector has fetched before and is still in the landing, or was purged from it.

    Returns: address → (version that the place it came from told for it, the file). Raises: WarehouseBusy.
    """
    if not settings().database.exists():
        return {}
    with warehouse.reader() as connection:
        if not connection.execute(
            "select count(*) from duckdb_tables() where schema_name = 'ops' and table_name = 'fetch'"
        ).fetchone()[0]:
            return {}
        rows = connection.execute(
            """
            select address, version, file_id, file_name, size_bytes, landed_path, purged_at is not null
            from ops.fetch join ops.file using (source, file_id) where source = ?
            """,
            [source_name],
        ).fetchall()
    return {
        address: (version, Unchanged(file_id, file_name, size))
        for address, version, file_id, file_name, size, landed_path, is_purged in rows
        if is_purged or (settings().landing / landed_path).exists()
    }


def note_fetched(connection: duckdb.DuckDBPyConnection, source_name: str, arrived: list[tuple[Arrival, str]]) -> None:
    """Remember the version of each file that told one. Args: arrived: the files, each with its file id."""
    for file, file_id in arrived:
        connection.execute("delete from ops.fetch where source = ? and address = ?", [source_name, file.address])
        if file.version:
            connection.execute(
                "insert into ops.fetch values (?, ?, ?, ?, now())", [source_name, file.address, file.version, file_id]
            )


def refused_id(address: str) -> str:
    """The file id of a file that could not be taken: there are no bytes to take a sha256 of, its address stands for them."""
    return hashlib.sha256(f"refused {address}".encode()).hexdigest()


def refuse(connection: duckdb.DuckDBPyConnection, source_name: str, refused: list[Refused]) -> None:
    """Write files that could not be taken as blocked batches, so that they are seen like any blocked file: without bytes, once
    per address, however often they are refused."""
    for file in refused:
        file_id = refused_id(file.address)
        key = [source_name, file_id]
        if not connection.execute("select count(*) from ops.file where source = ? and file_id = ?", key).fetchone()[0]:
            connection.execute(
                "insert into ops.file (source, file_id, file_name, original_path, retrieved_at) values (?, ?, ?, ?, now())",
                [*key, file.name, file.address],
            )
            new_batch(connection, source_name, file_id)
        connection.execute(
            """
            update ops.batch set status = 'blocked', message = ?, loaded_at = now(), rows_in = 0, rows_loaded = 0,
                rows_quarantined = 0, rows_skipped = 0
            where source = ? and file_id = ?
            """,
            [file.reason, *key],
        )


def new_batch(connection: duckdb.DuckDBPyConnection, source_name: str, file_id: str) -> str:
    """Open a batch for a file. Returns the batch id."""
    (number,) = connection.execute("select coalesce(max(batch_no), 0) + 1 from ops.batch").fetchone()
    batch_id = f"{source_name}-{number:05d}"
    connection.execute(
        "insert into ops.batch (batch_id, batch_no, source, file_id) values (?, ?, ?, ?)",
        [batch_id, number, source_name, file_id],
    )
    return batch_id
