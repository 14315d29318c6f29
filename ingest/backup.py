"""Backups: the build database, the landed bytes and the published version, beside each other in one folder.

`$GMW_BACKUP_FOLDER/<name>/` holds one backup: `gmw_build.duckdb`, `manifest.json`, `landed.txt` (what of the landing belongs to
it), `switches.jsonl` (which version was in force when) and, once its restore was proven, `proof.json`. `landing/` and `published/`
are shared by all backups: their files never change and are kept once, as hard links where the disk is the same, else as
copies. A folder `.<name>.partial` is one that is being written, or was left by a crash. The secret of the person keys is in none of them.
`ingest.restore` is the way back.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb

from exports import version_folder, versions
from exports.history import HISTORY
from exports.history import HISTORY
from exports.versions import sha256
from ingest import privacy, warehouse
from ingest.build import code_version
from ingest.declaration import declarations
from ingest.settings import settings

MANIFEST, LANDED, PROOF = "manifest.json", "landed.txt", "proof.json"
PURGED = "purged.txt"
CHUNK = 1 << 20
# A hard link is refused: another file system, one without links, or too many links to the file.
NO_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS)


class BackupBusy(RuntimeError):
    """Another process makes, restores or clears backups in this folder."""


class BackupDamaged(RuntimeError):
    """What is kept is not what it should be; the message names the files and what to do."""


class UnknownBackup(LookupError):
    """There is no such backup; the message lists those there are."""


@dataclass(frozen=True)
class Backup:
    """One backup, as its manifest tells. `rows` by `schema.table`; `missing`: landed files that were not there to be kept."""

    name: str
    made_at: datetime
    code_version: str
    rows: dict[str, int]
    database_bytes: int
    database_sha256: str
    landed_files: int
    landed_bytes: int
    new_files: int
    new_bytes: int
    published: str | None
    key_versions: list[str]
    missing: list[str]
    seconds: float
    locked_seconds: float
    proven_at: datetime | None = None

    def __str__(self) -> str:
        return (
            f"backup {self.name}: {len(self.rows)} tables, {sum(self.rows.values()):,} rows, database "
            f"{self.database_bytes / 1e6:,.1f} MB, {self.landed_files} landed files of {self.landed_bytes / 1e6:,.1f} MB "
            f"({self.new_files} new, {self.new_bytes / 1e6:,.1f} MB), published version {self.published or 'none'}; "
            f"{self.seconds:.2f} s, {self.locked_seconds:.2f} s of them behind the writer lock"
        )


def folder_of(name: str) -> Path:
    """Where a backup lies. Raises: UnknownBackup."""
    known = version_folder.names(settings().backups)
    if name not in known:
        raise UnknownBackup(
            f"Backup {name!r}: expected one of those in {settings().backups}, found {', '.join(known) or 'none there'}. "
            "`gmw backup list` shows them; GMW_BACKUP_FOLDER says where they lie."
        )
    return settings().backups / name


def read(name: str) -> Backup:
    """A backup by its name. Raises: UnknownBackup."""
    folder = folder_of(name)
    told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    proof = folder / PROOF
    proven = json.loads(proof.read_text(encoding="utf-8"))["proven_at"] if proof.is_file() else None
    return Backup(
        name=name,
        **{**told, "made_at": datetime.fromisoformat(told["made_at"])},
        proven_at=datetime.fromisoformat(proven) if proven else None,
    )


def backups() -> list[Backup]:
    """All whole backups, newest first."""
    return [read(name) for name in version_folder.names(settings().backups)]


def create(tell: Callable[[str], None] = lambda _: None, is_locked: bool = False) -> Backup:
    """Back up what cannot be made again from elsewhere: the build database with its ledger, the landed bytes, what is published.

    The database is copied at rest, behind the writer lock; everything else never changes once it is there, and is kept after the
    lock has been given back. A crash leaves a partial folder, which the next backup clears.

    Args: tell: told what is being done. is_locked: the caller holds the writer lock.
    Returns: the backup. Raises: FileNotFoundError when nothing has been loaded yet, WarehouseBusy, BackupBusy, OSError (no space).
    """
    started = time.monotonic()
    with alone("back up") as folder:
        version_folder.remove_stale(folder)
        version_folder.remove_stale(folder / "published")
        version_folder.remove_stale(folder / "published" / HISTORY)
        name = version_folder.new_name(folder, f"backup {time.time_ns()}")
        aside = version_folder.partial(folder, name)
        aside.mkdir()
        waited = time.monotonic()
        with nullcontext() if is_locked else warehouse.lock("back up"):
            locked = time.monotonic()
            database = warehouse.at_rest()
            tell(f"copying the build database, {database.stat().st_size / 1e6:,.1f} MB (waited {locked - waited:.1f} s for it)")
            copy = _copy(database, aside / database.name)
            published = version_folder.current_name(settings().published)
        locked_seconds = time.monotonic() - locked
        rows, landed, key_versions = _look_into(copy)
        tell(f"keeping {len(landed)} landed files")
        new_files = new_bytes = 0
        missing = []
        for path, size in landed:
            try:
                if _keep(settings().landing / path, folder / "landing" / path, size, Path(path).name):
                    new_files, new_bytes = new_files + 1, new_bytes + size
            except FileNotFoundError:
                missing.append(path)
        if published:
            keep_version(settings().published / published, folder / "published")
            keep_history(settings().published, folder / "published")
            keep_history(settings().published, folder / "published")
            if (switches := settings().published / versions.SWITCHES).is_file():
                _copy(switches, aside / versions.SWITCHES)
        (aside / LANDED).write_text("".join(f"{path}\n" for path, _ in landed), encoding="utf-8")
        manifest = {
            "made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "code_version": code_version(),
            "rows": rows,
            "database_bytes": copy.stat().st_size,
            "database_sha256": sha256(copy),
            "landed_files": len(landed),
            "landed_bytes": sum(size for _, size in landed),
            "new_files": new_files,
            "new_bytes": new_bytes,
            "published": published,
            "key_versions": key_versions,
            "missing": _not_purged(missing, is_locked),
            "seconds": round(time.monotonic() - started, 2),
            "locked_seconds": round(locked_seconds, 2),
        }
        write_json(aside / MANIFEST, manifest)
        version_folder.make_durable(aside)
        os.rename(aside, folder / name)
        version_folder.fsync(folder)
    return read(name)


def to_delete(now: datetime | None = None) -> list[str]:
    """The backups whose time is over. Kept are all of the last 24 hours, the last of each day and of each week for as long as
    GMW_BACKUP_DAILY and GMW_BACKUP_WEEKLY say, and the newest one, whatever its age."""
    now = now or datetime.now(timezone.utc)
    days, weeks = set(), set()
    over = []
    for position, backup in enumerate(backups()):
        day, week, age = backup.made_at.date(), backup.made_at.isocalendar()[:2], now - backup.made_at
        is_last_of_day = age <= timedelta(days=settings().daily_backups) and day not in days
        is_last_of_week = age <= timedelta(weeks=settings().weekly_backups) and week not in weeks
        days.add(day)
        weeks.add(week)
        if position and age > timedelta(days=1) and not is_last_of_day and not is_last_of_week:
            over.append(backup.name)
    return over


def prune() -> list[str]:
    """Delete the backups of `to_delete`, and what of the shared folders no backup needs any more. Returns: their names."""
    with alone("delete old backups") as folder:
        over = to_delete()
        for name in over:
            aside = version_folder.partial(folder, name)
            os.rename(folder / name, aside)
            shutil.rmtree(aside)
        kept = backups()
        needed = {path for backup in kept for path in landed_by(backup.name)}
        for path in list(_files(folder / "landing")):
            if path.relative_to(folder / "landing").as_posix() not in needed:
                path.unlink()
        versions = {backup.published for backup in kept}
        for version in version_folder.names(folder / "published"):
            if version not in versions:
                shutil.rmtree(folder / "published" / version)
    return over


def forget(landed_paths: Iterable[str]) -> None:
    """Delete the bytes of files that retention has purged from the backups, too; a restore then knows why they are not there.

    Args: landed_paths: relative to the landing. Raises: BackupBusy.
    """
    if not settings().backups.is_dir():
        return
    with alone("purge landed files") as folder:
        here = [path for path in landed_paths if (folder / "landing" / path).exists()]
        if not here:
            return
        with open(folder / PURGED, "a", encoding="utf-8") as file:
            file.writelines(f"{path}\n" for path in here)
            file.flush()
            os.fsync(file.fileno())
        for path in here:
            (folder / "landing" / path).unlink()


def purged() -> set[str]:
    """What `forget` has deleted, relative to the landing."""
    path = settings().backups / PURGED
    return set(path.read_text(encoding="utf-8").split()) if path.is_file() else set()


def landed_by(name: str) -> list[str]:
    """The landed files that belong to a backup, relative to the landing."""
    return (folder_of(name) / LANDED).read_text(encoding="utf-8").split()


@contextmanager
def alone(purpose: str) -> Iterator[Path]:
    """Hold the folder of the backups; it exists. Raises: BackupBusy, naming the holder."""
    folder = settings().backups
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(folder / ".lock", "a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            raise BackupBusy(
                f"{purpose}: expected {folder} to be free, found it held by {handle.read() or 'another process'}. Wait for it to "
                "end, then run this again."
            ) from None
        handle.truncate(0)
        handle.write(f"process {os.getpid()} ({purpose})")
        handle.flush()
        yield folder


def keep_version(version: Path, folder: Path) -> bool:
    """Keep a published version in another folder of versions. Returns: whether it was not there yet."""
    target = folder / version.name
    if target.is_dir():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    aside = version_folder.partial(folder, version.name)
    if aside.exists():
        shutil.rmtree(aside)
    for path in _files(version):
        link_or_copy(path, aside / path.relative_to(version))
    version_folder.make_durable(aside)
    os.rename(aside, target)
    version_folder.fsync(folder)
    return True


def keep_history(published: Path, folder: Path) -> None:
    """Keep what the versions have changed, also those that are no more, in another folder of versions."""
    for name in version_folder.names(published / HISTORY):
        keep_version(published / HISTORY / name, folder / HISTORY)


def keep_history(published: Path, folder: Path) -> None:
    """Keep what each version has changed, also of versions that are deleted, in another folder of versions: it outlives them all."""
    for version in version_folder.names(published / HISTORY):
        keep_version(published / HISTORY / version, folder / HISTORY)


def link_or_copy(source: Path, target: Path) -> None:
    """The same file under another name where one disk holds both, else a copy with the same rights, durable."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        _copy(source, target)


def write_json(path: Path, content: dict) -> None:
    """Write a JSON file, durable."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def _keep(source: Path, target: Path, size: int, digest: str) -> bool:
    """Keep the bytes of a landed file. Returns: whether they were not kept yet. Raises: FileNotFoundError, BackupDamaged when what
    was copied is not what its name says."""
    if target.exists() and target.stat().st_size == size:
        return False
    aside = target.with_name(f".{target.name}.partial")
    aside.unlink(missing_ok=True)
    link_or_copy(source, aside)
    if aside.stat().st_nlink == 1 and (found := sha256(aside)) != digest:
        aside.unlink()
        raise BackupDamaged(
            f"{source}: expected the bytes with sha256 {digest}, found {found}: the file in the landing is damaged. Put it back "
            f"from an earlier backup or from its source (`gmw land SOURCE FILE`), then back up again."
        )
    os.replace(aside, target)
    return True


def _copy(source: Path, target: Path) -> Path:
    """A durable copy with the same rights."""
    with open(source, "rb") as read_from, open(target, "xb") as file:
        os.fchmod(file.fileno(), os.fstat(read_from.fileno()).st_mode & 0o777)
        shutil.copyfileobj(read_from, file, CHUNK)
        file.flush()
        os.fsync(file.fileno())
    return target


def _look_into(database: Path) -> tuple[dict[str, int], list[tuple[str, int]], list[str]]:
    """What a copy of the build database holds: rows by table, (landed path, bytes) of what is not purged, versions of person
    keys."""
    with warehouse.copy_of(database) as connection:
        landed = connection.execute(
            "select distinct landed_path, size_bytes from ops.file where landed_path is not null and purged_at is null order by all"
        ).fetchall()
        return table_rows(connection), landed, sorted(_key_versions(connection))


def table_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """`schema.table` → rows, counted."""
    names = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = current_database() and not temporary "
        "order by all"
    ).fetchall()
    return {
        f"{schema}.{name}": connection.execute(f'select count(*) from "{schema}"."{name}"').fetchone()[0] for schema, name in names
    }


def _key_versions(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """What the person and household keys in a database begin with."""
    stored = set(
        connection.execute("select table_name, column_name from duckdb_columns() where schema_name = 'raw'").fetchall()
    )
    keyed = [
        (source.name, column.name) for source in declarations() for column in source.columns
        if column.personal in privacy.KEYED and (source.name, column.name) in stored
    ]
    return {
        version
        for table, column in keyed
        for (version,) in connection.execute(
            f"select distinct split_part(\"{column}\", ':', 1) from raw.{table} where \"{column}\" is not null"
        ).fetchall()
    }


def _not_purged(paths: list[str], is_locked: bool) -> list[str]:
    """Those of the landed files that are missing though no purge has deleted them meanwhile."""
    if not paths or is_locked:
        return paths
    with warehouse.reader() as connection:
        query = "select landed_path from ops.file where purged_at is not null"
        gone = {path for (path,) in connection.execute(query).fetchall()}
    return [path for path in paths if path not in gone]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
