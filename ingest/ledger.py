"""The ledger of what has arrived: what was refused, and what need not be fetched again."""

from __future__ import annotations

import hashlib
from datetime import date, datetime

import duckdb

from ingest import warehouse
from ingest.connectors.arrivals import Arrival, Refused, Unchanged
from ingest.declaration import SourceDeclaration
from ingest.settings import settings


def fetched(source_name: str) -> dict[str, tuple[str, Unchanged]]:
    """What a source's connector has fetched before and is still in the landing, or was purged from it.

    Returns: address → (version that the place it came from told for it, the file). Raises: WarehouseBusy.
    """
    if not settings().database.exists():
        return {}
    with warehouse.reader() as connection:
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


def note_arrived(connection: duckdb.DuckDBPyConnection, source_name: str, address: str, file_id: str) -> str | None:
    """Remember what lies at an address now. Returns: the file id of what lay there before; None when nothing is known of it."""
    key = [source_name, address]
    before = connection.execute("select file_id from ops.arrival where source = ? and address = ?", key).fetchone()
    if before != (file_id,):
        connection.execute("delete from ops.arrival where source = ? and address = ?", key)
        connection.execute("insert into ops.arrival values (?, ?, ?, now())", [*key, file_id])
    return before and before[0]


def is_watched(connection: duckdb.DuckDBPyConnection, source_name: str) -> bool:
    """Whether it is known what lay at the addresses of a source before: not in the first landing after an upgrade."""
    return connection.execute("select count(*) > 0 from ops.arrival where source = ?", [source_name]).fetchone()[0]


def of_another_period(
    connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, arrived: list[tuple[Arrival, date | None, str]]
) -> list[Refused]:
    """Files with the bytes of one whose name says another date, where that date is the period: one of the two is the wrong file,
    and the rows of a period would be missing without a word.

    Args: arrived: the files, each with the date in its name and its file id.
    """
    if source.delivery.mode != "period" or "_file_as_of" not in source.delivery.columns:
        return []
    rows = connection.execute("select file_id, as_of, file_name from ops.file where source = ?", [source.name]).fetchall()
    known = {file_id: (as_of, name) for file_id, as_of, name in rows}
    refused = []
    for file, as_of, file_id in arrived:
        day, name = known.setdefault(file_id, (as_of, file.name))
        if day != as_of:
            refused.append(
                Refused(
                    file.name, file.address,
                    f"expected the rows of {as_of or 'a period of its own'}, found byte for byte those of {name} "
                    f"({day or 'no date'}); ask the producer for the right file, or, if a period is really like the other, for this "
                    "one with a blank line at its end",
                )
            )  # fmt: skip
    return refused


def deliver_again(
    connection: duckdb.DuckDBPyConnection, source_name: str, file_id: str, as_of: date | None, revision: int, moment: datetime
) -> bool:
    """Put a file whose bytes have arrived again behind those that came after it; its rows stay as they were loaded.

    Args: as_of, revision: from the name that it has now. moment: of the arrival.
    Returns: whether it counts as delivered again: another file has come in between, and its name says nothing older than before.
    """
    return bool(
        connection.execute(
            """
            update ops.file set as_of = $as_of, revision = $revision, delivered_at = $moment
            where source = $source and file_id = $file_id
                and (coalesce($as_of, date '0001-01-01'), $revision) >= (coalesce(as_of, date '0001-01-01'), coalesce(revision, 0))
                and exists (
                    from ops.file as other
                    where other.source = $source and other.file_id != $file_id and other.landed_path is not null
                        and coalesce(other.delivered_at, other.retrieved_at) > coalesce(file.delivered_at, file.retrieved_at))
            returning file_id
            """,
            {"source": source_name, "file_id": file_id, "as_of": as_of, "revision": revision, "moment": moment},
        ).fetchall()
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
