"""Restore: a backup becomes the warehouse again; and the proof, on a copy, that it would.

Nothing that is there is lost: the state before is backed up first (or set aside, when it cannot be opened), files that landed since
the backup stay in the landing and in the ledger, and what retention has purged since stays purged.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import duckdb

from exports import version_folder, versions
from exports.versions import sha256
from ingest import backup, privacy, warehouse
from ingest.backup import Backup, BackupDamaged
from ingest.declaration import declarations
from ingest.settings import PERSON_KEY_SECRET, settings
from ingest.sql import literal

SHOWN = 5


@dataclass(frozen=True)
class Planned:
    """What a restore would do. `to_copy`: landed files that the landing lacks. `purged`: those that retention has deleted since the
    backup. `since`: files that landed since and stay (source/name). `problem`: why it cannot be done, else empty."""

    backup: Backup
    to_copy: list[str]
    purged: list[str]
    since: list[str]
    rows_now: dict[str, int] | None
    published_now: str | None
    problem: str


@dataclass(frozen=True)
class Proof:
    """A restore that was tried out on a copy."""

    backup: str
    rows: int
    batches: int
    database_bytes: int
    landed_files: int
    landed_bytes: int
    published_files: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"restore of {self.backup} proven: {self.rows:,} rows as in its manifest, {self.batches} batches as in its ledger, "
            f"database {self.database_bytes / 1e6:,.1f} MB, {self.landed_files} landed files of {self.landed_bytes / 1e6:,.1f} MB "
            f"and {self.published_files} published files with the sha256 that they should have; {self.seconds:.2f} s"
        )


def plan(name: str) -> Planned:
    """What `apply` would do, without doing it.

    Args: name: of a backup. Returns: the plan. Raises: UnknownBackup, WarehouseBusy.
    """
    found = backup.read(name)
    with warehouse.scratch() as folder:
        current = _ledger_of_now(folder)
        return _plan(found, current)


def apply(name: str, tell: Callable[[str], None] = lambda _: None) -> Planned:
    """Put a backup in the place of the warehouse: build database, landed bytes that are missing, the published version.

    What was there before is backed up first, so that it can be restored in turn; a build database that cannot be opened is set
    aside in $GMW_HOME/set_aside. Until the one rename at the end the old database stays; after a crash, restore again.

    Args: name: of a backup. tell: told what is being done.
    Returns: what was done. Raises: UnknownBackup; BackupDamaged, OtherKeys, SecretMissing before anything is changed;
    WarehouseBusy, BackupBusy.
    """
    found = backup.read(name)
    with warehouse.lock(f"restore {name}"), warehouse.scratch() as folder, ExitStack() as ends:
        database = settings().database
        is_damaged = False
        if database.exists():
            try:
                before = backup.create(tell, is_locked=True)
                tell(f"the state before is kept as backup {before.name}: `gmw restore {before.name} --apply` is the way back")
            except duckdb.Error as error:
                is_damaged = True
                tell(f"the build database that is there cannot be opened and will be set aside: {str(error).splitlines()[0]}")
        current = None if is_damaged or not database.exists() else Path(shutil.copyfile(database, folder / "now.duckdb"))
        ends.enter_context(backup.alone(f"restore {name}"))
        planned = _plan(found, current)
        if planned.problem:
            raise BackupDamaged(planned.problem)
        restored = folder / database.name
        _copy_of_database(found, restored)
        _refuse_other_keys(restored)
        _take_over(restored, current, planned)
        tell(f"copying {len(planned.to_copy)} landed files")
        for path in planned.to_copy:
            _put_back(path)
        published = settings().published
        if found.published:
            backup.keep_version(settings().backups / "published" / found.published, published)
            backup.keep_history(settings().backups / "published", published)
        _set_aside([database, _log_of(database)] if is_damaged else [], [] if current else _unknown_to(restored), tell)
        database.parent.mkdir(parents=True, exist_ok=True)
        _log_of(database).unlink(missing_ok=True)
        version_folder.fsync(restored)
        os.replace(restored, database)
        version_folder.fsync(database.parent)
        if found.published:
            backup.keep_history(settings().backups / "published", published)
            switches = backup.folder_of(name) / versions.SWITCHES
            if switches.is_file() and not (published / versions.SWITCHES).exists():
                shutil.copy(switches, published / versions.SWITCHES)
            versions.put_back(found.published, f"backup {name}")
    return planned


def prove(name: str | None = None, tell: Callable[[str], None] = lambda _: None) -> Proof:
    """Try a restore out in a scratch folder, and compare what comes out of it with the manifest, the ledger and every sha256.

    The database and the published version are copied and opened, the landed bytes are read where the backup keeps them. It takes
    no lock of the warehouse. The backup notes that it was proven.

    Args: name: of a backup; default: the newest. tell: told what is being done.
    Returns: the proof. Raises: UnknownBackup (also when there is none), BackupDamaged with every difference, OtherKeys.
    """
    started = time.monotonic()
    with backup.alone("prove a restore") as kept:
        found = backup.read(name or next(iter(version_folder.names(kept)), "newest"))
        problems = []
        with warehouse.scratch() as folder:
            restored = folder / settings().database.name
            _copy_of_database(found, restored)
            tell(f"{found.name}: opening the restored database")
            with warehouse.copy_of(restored) as connection:
                rows = backup.table_rows(connection)
                problems += [
                    f"{table}: {found.rows.get(table)} rows in the manifest, {rows.get(table)} in the restored database"
                    for table in sorted({*rows, *found.rows}) if rows.get(table) != found.rows.get(table)
                ]
                batches, wrong = _batches_against_ledger(connection)
                problems += wrong
                query = "select landed_path, size_bytes from ops.file where landed_path is not null"
                known = dict(connection.execute(query).fetchall())
            _refuse_other_keys(restored)
            published_files = 0
            if found.published:
                backup.keep_version(kept / "published" / found.published, folder)
                published_files, wrong = _published_against_manifest(folder / found.published)
                problems += wrong
        purged = backup.purged()
        landed = [path for path in backup.landed_by(found.name) if path not in purged or (kept / "landing" / path).exists()]
        tell(f"{found.name}: reading {len(landed)} landed files")
        landed_bytes = 0
        for path in landed:
            file = kept / "landing" / path
            if not file.is_file():
                problems.append(f"landing/{path}: not there")
            elif file.stat().st_size != known.get(path) or sha256(file) != file.name:
                problems.append(f"landing/{path}: other bytes than those that landed")
            else:
                landed_bytes += file.stat().st_size
        if problems:
            raise BackupDamaged(_damaged(found.name, problems))
        proof = Proof(
            found.name, sum(rows.values()), batches, found.database_bytes, len(landed), landed_bytes, published_files,
            time.monotonic() - started,
        )  # fmt: skip
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        backup.write_json(backup.folder_of(found.name) / backup.PROOF, {"proven_at": now, "told": str(proof)})
    return proof


def _ledger_of_now(folder: Path) -> Path | None:
    """A copy of the build database that is there, to look into; None when there is none or it cannot be opened."""
    with warehouse.lock("look before a restore"):
        try:
            return Path(shutil.copyfile(warehouse.at_rest(), folder / "now.duckdb"))
        except (FileNotFoundError, duckdb.Error):
            return None


def _plan(found: Backup, current: Path | None) -> Planned:
    kept, landing = settings().backups / "landing", settings().landing
    purged = backup.purged()
    landed = backup.landed_by(found.name)
    rows_now, since, purged_now = None, [], set()
    if current:
        with warehouse.copy_of(current) as connection:
            rows_now = backup.table_rows(connection)
            files = connection.execute(
                "select source || '/' || file_name, landed_path, purged_at is not null from ops.file where landed_path is not null "
                "order by retrieved_at, source, file_name"
            ).fetchall()
        belonging = set(landed)
        since = [name for name, path, is_purged in files if path not in belonging and not is_purged]
        purged_now = {path for _, path, is_purged in files if is_purged}
    gone = [path for path in landed if path in purged_now or (path in purged and not (kept / path).exists())]
    to_copy = [path for path in landed if path not in gone and not (landing / path).exists()]
    lost = [path for path in to_copy if not (kept / path).exists() and path not in found.missing]
    problem = _damaged(found.name, [f"landing/{path}: neither in the backup nor in the landing" for path in lost]) if lost else ""
    published = version_folder.current_name(settings().published)
    return Planned(found, [path for path in to_copy if path not in found.missing], gone, since, rows_now, published, problem)


def _copy_of_database(found: Backup, target: Path) -> None:
    """Copy the database of a backup. Raises: BackupDamaged."""
    source = backup.folder_of(found.name) / target.name
    shutil.copyfile(source, target)
    if (digest := sha256(target)) != found.database_sha256:
        raise BackupDamaged(_damaged(found.name, [f"{source}: sha256 {digest}, expected {found.database_sha256}"]))


def _refuse_other_keys(database: Path) -> None:
    """Raises: OtherKeys when the secret of this installation does not fit the keys in a database; SecretMissing without one."""
    with warehouse.copy_of(database) as connection:
        for source in declarations():
            try:
                privacy.refuse_other_keys(connection, source)
            except privacy.OtherKeys as error:
                raise privacy.OtherKeys(
                    f"{error}\nNothing was restored. `gmw backup list` names the version of the keys in each backup; take the "
                    f"{PERSON_KEY_SECRET} of that time from your secret store."
                ) from None


def _take_over(restored: Path, current: Path | None, planned: Planned) -> None:
    """Give the restored ledger what has happened to the landing since the backup: files that landed, up to where sources were
    asked, bytes that were purged."""
    with warehouse.copy_of(restored, read_only=False) as connection:
        warehouse.lay_out(connection)
        connection.execute(
            "update ops.file set purged_at = now() where purged_at is null and list_contains(?::varchar[], landed_path)",
            [planned.purged],
        )
        if not current:
            return
        connection.execute(f"attach {literal(str(current))} as now (read_only)")
        connection.execute(
            """
            insert into ops.file by name
            select * from now.ops.file as file
            where file.landed_path is not null and not exists (
                from ops.file as known where known.source = file.source and known.file_id = file.file_id);
            delete from ops.fetch;
            delete from ops.arrival;
            insert into ops.fetch by name from now.ops.fetch;
            insert into ops.arrival by name from now.ops.arrival;
            insert or replace into ops.cursor by name from now.ops.cursor;
            """
        )
        connection.execute("detach now; checkpoint")


def _put_back(path: str) -> None:
    target = settings().landing / path
    aside = target.with_name(f".landing-{target.name}")
    aside.unlink(missing_ok=True)
    backup.link_or_copy(settings().backups / "landing" / path, aside)
    os.replace(aside, target)


def _log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.wal")


def _unknown_to(restored: Path) -> list[Path]:
    """Landed files that the restored ledger does not know: nobody would purge them. What still lies where it came from lands
    again."""
    with warehouse.copy_of(restored) as connection:
        rows = connection.execute("select landed_path from ops.file where landed_path is not null").fetchall()
    known = {path for (path,) in rows}
    landing = settings().landing
    return [path for path in landing.glob("*/*/*") if path.is_file() and path.relative_to(landing).as_posix() not in known]


def _set_aside(databases: list[Path], landed: list[Path], tell: Callable[[str], None]) -> None:
    """Move what a restore cannot use out of the way, to where a person may look at it."""
    folder = settings().home / "set_aside" / datetime.now(timezone.utc).strftime(version_folder.STAMP)
    moved = [path for path in [*databases, *landed] if path.exists()]
    for path in moved:
        target = folder / path.relative_to(settings().home)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
    if moved:
        tell(
            f"set aside in {folder}: {len(moved) - len(landed)} files of the database that was there, {len(landed)} landed files "
            f"that the backup does not know. Delete them when you do not need them: no retention covers them"
        )


def _batches_against_ledger(connection: duckdb.DuckDBPyConnection) -> tuple[int, list[str]]:
    """The batches whose rows in raw and in quarantine are not as many as the ledger says. Returns: batches compared,
    differences."""
    sources = [name for (name,) in connection.execute(
        "select table_name from duckdb_columns() where schema_name = 'raw' and column_name = '_batch_id' order by 1").fetchall()]
    stored = " union all ".join(f"select _batch_id as batch_id, count(*) as rows from raw.{name} group by 1" for name in sources)
    loaded = f"(select batch_id, sum(rows) as rows from ({stored or 'select null::varchar as batch_id, 0 as rows'}) group by 1)"
    rows = connection.execute(
        f"""
        select batch.batch_id, coalesce(batch.rows_loaded, 0), coalesce(loaded.rows, 0), coalesce(batch.rows_quarantined, 0),
            coalesce(quarantined.rows, 0)
        from ops.batch as batch
        left join {loaded} as loaded using (batch_id)
        left join (select batch_id, count(*) as rows from ops.quarantine group by 1) as quarantined using (batch_id)
        order by batch.batch_no
        """
    ).fetchall()
    return len(rows), [
        f"batch {batch}: {told} rows loaded and {told_quarantined} quarantined by the ledger, {found} and {found_quarantined} there"
        for batch, told, found, told_quarantined, found_quarantined in rows
        if (told, told_quarantined) != (found, found_quarantined)
    ]


def _published_against_manifest(version: Path) -> tuple[int, list[str]]:
    """The files of a published version that are not as its manifest says, and whether its database opens."""
    manifest = json.loads((version / "manifest.json").read_text(encoding="utf-8"))
    wrong = [
        f"published/{version.name}/{name}: other bytes than those that were published"
        for name, told in manifest["files"].items()
        if not (version / name).is_file() or sha256(version / name) != told["sha256"]
    ]
    if not wrong:
        with duckdb.connect(str(version / "marts.duckdb"), read_only=True) as connection:
            (rows,) = connection.execute("select count(*) from kpi_value").fetchone()
        if rows != manifest["tables"]["kpi_value"]:
            wrong.append(f"published/{version.name}: {rows} rows in kpi_value, {manifest['tables']['kpi_value']} in its manifest")
    return len(manifest["files"]), wrong


def _damaged(name: str, problems: list[str]) -> str:
    more = [f"… and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
    return "\n".join(
        [f"Backup {name}: expected what its manifest and its ledger say, found:",
         *(f"- {line}" for line in problems[:SHOWN]), *more,
         "It cannot be relied on: look at the disk of the backups, make a new one (`gmw backup create`), and restore another "
         "(`gmw backup list`)."]
    )  # fmt: skip
