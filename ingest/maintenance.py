"""The four steps of the upkeep, each one a task of the DAG `maintain`; each says what it did in rows, bytes and seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

from ingest.settings import settings

Tell = Callable[[object], None]


class BackupIncomplete(RuntimeError):
    """The backup was made, but landed files were not there to be kept."""


def purge(tell: Tell) -> None:
    """Delete the bytes of landed files whose time is over, in the landing and in the backups. Raises: as `retention.purge`."""
    from ingest import retention

    started = time.monotonic()
    files = retention.purge()
    for file in files:
        still = f"; it still lies at {file.still_at}" if file.still_at else ""
        tell(f"purged {file.source}/{file.file_name}, landed {file.landed_on}, {file.size_bytes} bytes{still}")
    tell(f"{len(files)} landed files purged, {sum(file.size_bytes for file in files)} bytes, {time.monotonic() - started:.2f} s")


def compact(tell: Tell, is_forced: bool = False) -> None:
    """Compact the build database when it pays, or when it is to be done all the same. Raises: as `compaction.compact`."""
    from ingest import compaction

    if not settings().database.exists():
        tell("nothing to compact: nothing has been loaded yet")
        return
    tell(compaction.compact(is_forced, tell))


def back_up(tell: Tell) -> None:
    """Make a backup, then delete those whose time is over. Raises: BackupIncomplete, after that; as `backup.create`."""
    from ingest import backup

    if not settings().database.exists():
        tell("nothing to back up: nothing has been loaded yet")
        return
    made = backup.create(tell)
    tell(made)
    for name in backup.prune():
        tell(f"deleted backup {name}: its time is over")
    if made.missing:
        raise BackupIncomplete(
            f"Backup {made.name} was made, but {len(made.missing)} landed files that the ledger knows were not there: expected "
            f"{', '.join(made.missing[:5])} in {settings().landing}. Put them back from an earlier backup (`gmw restore` copies "
            f"what is missing) or from their source (`gmw land SOURCE FILE`)."
        )


def prove_restore(tell: Tell) -> None:
    """Try a restore of the newest backup out. Raises: as `restore.prove`."""
    from exports import version_folder
    from ingest.restore import prove

    if not version_folder.names(settings().backups):
        tell("nothing to prove: there is no backup yet")
        return
    tell(prove(tell=tell))
