"""Retention: the bytes of landed files are deleted when their time is over; the ledger of what they were stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ingest import backup, warehouse
from ingest.declaration import declarations
from ingest.landing import SCRATCH
from ingest.settings import settings


@dataclass(frozen=True)
class Purgeable:
    """A landed file whose time is over. `still_at` is the place it came from, if it still lies there."""

    source: str
    file_id: str
    file_name: str
    landed_on: date
    size_bytes: int
    landed_path: str
    still_at: str


def plan() -> list[Purgeable]:
    """The landed files whose bytes are older than the retention of their source, the oldest first.

    A file that was loaded and waits for its gate is kept until it is judged. Files of sources that are no longer declared are
    kept: nobody says for how long. Returns: one Purgeable per file; none when nothing was landed yet.
    """
    days = [(source.name, days) for source in declarations() if (days := source.landed_files_kept_days) is not None]
    if not days or not settings().database.exists():
        return []
    with warehouse.reader() as connection:
        rows = connection.execute(
            """
            select file.source, file.file_id, file.file_name, file.retrieved_at::date, file.size_bytes, file.landed_path,
                file.original_path
            from ops.file as file
            inner join (select unnest(?::varchar[]) as source, unnest(?::integer[]) as days) as kept on kept.source = file.source
            where file.purged_at is null and file.landed_path is not null and file.retrieved_at < now() - to_days(kept.days)
                and not exists (
                    from ops.batch as batch
                    where batch.source = file.source and batch.file_id = file.file_id and batch.status = 'loaded')
            order by file.retrieved_at, file.source, file.file_name
            """,
            [[name for name, _ in days], [kept for _, kept in days]],
        ).fetchall()
    return [Purgeable(*row, path if path and Path(path).is_file() else "") for *row, path in rows]


def purge() -> list[Purgeable]:
    """Delete the bytes of the files of `plan`, and note when in the ledger; what was loaded from them stays. What the gates said
    longer ago than `GMW_GATE_HISTORY_DAYS` and counts no longer goes, too.

    The ledger says so first: what a kill leaves undone, the next purge does. The backups forget the bytes, too.
    Returns: the files purged. Raises: WarehouseBusy, BackupBusy.
    """
    from expectations import history

    planned = plan()
    if settings().database.exists():
        with warehouse.writer("purge landed files") as connection:
            history.purge(connection)
            if planned:
                connection.execute(
                    """
                    update ops.file set purged_at = now() from
                        (select unnest(?::varchar[]) as source, unnest(?::varchar[]) as file_id) as over
                    where ops.file.source = over.source and ops.file.file_id = over.file_id
                    """,
                    [[file.source for file in planned], [file.file_id for file in planned]],
                )
            query = "select landed_path from ops.file where purged_at is not null and landed_path is not null"
            purged = [path for (path,) in connection.execute(query).fetchall()]
        for path in purged:
            (settings().landing / path).unlink(missing_ok=True)
        backup.forget(purged)
    # What a landing that was killed has left, should no other one follow.
    warehouse.clear_scratch(settings().landing / SCRATCH)
    return planned
