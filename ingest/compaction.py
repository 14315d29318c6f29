"""Compaction: what DuckDB leaves behind in the file of the build database is given back to the disk."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exports import version_folder
from ingest import backup, warehouse
from ingest.settings import settings
from ingest.sql import literal

# Free blocks are used again by the next build: copying pays when they are many, of a file that is large enough to matter.
PAYS_FROM_SHARE = 0.25
PAYS_FROM_BYTES = 64_000_000


class CompactionRefused(RuntimeError):
    """The database was left as it is; the message says why and what to do."""


@dataclass(frozen=True)
class Compaction:
    """What became of the file. `is_done` is false where it does not pay; then both sizes are the same."""

    is_done: bool
    bytes_before: int
    bytes_after: int
    free_share: float
    tables: int
    rows: int
    seconds: float

    def __str__(self) -> str:
        before = f"build database {self.bytes_before / 1e6:,.1f} MB, {self.free_share:.0%} of it free"
        if not self.is_done:
            pays = f"it pays from {PAYS_FROM_SHARE:.0%} and {PAYS_FROM_BYTES / 1e6:.0f} MB free"
            return f"{before}: not compacted, {pays}; {self.seconds:.2f} s"
        return (
            f"{before}: compacted to {self.bytes_after / 1e6:,.1f} MB, {self.tables} tables with {self.rows:,} rows, counted "
            f"before and after; {self.seconds:.2f} s"
        )


def compact(is_forced: bool = False, tell: Callable[[str], None] = lambda _: None) -> Compaction:
    """Copy the build database into a fresh file beside it and put that in its place, when enough of it is free.

    All of it happens behind the writer lock. The old file stays until the one rename; a crash leaves a copy that the next
    compaction clears.

    Args: is_forced: also when it does not pay. tell: told what is being done.
    Returns: what was done. Raises: FileNotFoundError when nothing has been loaded yet, WarehouseBusy, CompactionRefused when the
    disk has no room for the copy or the copy has other rows.
    """
    with warehouse.lock("compact"):
        started = time.monotonic()
        database = warehouse.at_rest()
        fresh = database.with_name(f".compacting_{database.name}")
        for left in (fresh, fresh.with_name(f"{fresh.name}.wal")):
            left.unlink(missing_ok=True)
        with warehouse.copy_of(database) as connection:
            block, total, free = connection.execute(
                "select block_size, total_blocks, free_blocks from pragma_database_size() where database_name = current_database()"
            ).fetchone()
            before = backup.table_rows(connection)
        share, size = free / max(total, 1), database.stat().st_size
        if not is_forced and (share < PAYS_FROM_SHARE or free * block < PAYS_FROM_BYTES):
            return Compaction(False, size, size, share, len(before), sum(before.values()), time.monotonic() - started)
        needed = (total - free) * block
        if (room := shutil.disk_usage(database.parent).free) < needed:
            raise CompactionRefused(
                f"{database}: expected {needed / 1e6:,.0f} MB of free space for the compacted copy, found {room / 1e6:,.0f} MB. "
                f"Nothing was changed; free some space, then run `gmw maintain` again."
            )
        tell(f"copying {needed / 1e6:,.1f} MB that are in use")
        after = _copy(database, fresh)
        if after != before:
            fresh.unlink()
            names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
            wrong = "; ".join(f"{name}: {before.get(name)} → {after.get(name)}" for name in names[:5])
            raise CompactionRefused(f"{database}: expected the same rows in the copy, found {wrong}. Nothing was changed.")
        os.chmod(fresh, database.stat().st_mode & 0o777)
        version_folder.fsync(fresh)
        os.replace(fresh, database)
        version_folder.fsync(database.parent)
        return Compaction(
            True, size, database.stat().st_size, share, len(after), sum(after.values()), time.monotonic() - started
        )


def _copy(database: Path, fresh: Path) -> dict[str, int]:
    """Copy all schemas, tables, views and rows. Returns: the rows of the copy, by table."""
    with warehouse.copy_of(database, read_only=False) as connection:
        connection.execute(f"attach {literal(str(fresh))} as fresh")
        connection.execute(f"copy from database {warehouse.WAREHOUSE} to fresh")
        connection.execute("checkpoint fresh")
        connection.execute("use fresh")
        rows = backup.table_rows(connection)
        connection.execute(f"use {warehouse.WAREHOUSE}")
        connection.execute("detach fresh")
        return rows
