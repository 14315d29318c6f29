"""Land: fetch the bytes, keep them unchanged, write them into the ledger `ops.file`."""

from __future__ import annotations

import calendar
import hashlib
import os
import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from ingest import connectors, durable, ledger, limits, lineage, warehouse
from ingest.connectors import Arrival, Arrivals, Interval, Refused, Unchanged, Unreadable
from ingest.connectors.local_files import chunks
from ingest.declaration import SourceDeclaration, declaration
from ingest.declared.connectors import Files
from ingest.settings import settings

# Where copies are made, on the disk of the landing.
SCRATCH = ".scratch"


@dataclass(frozen=True)
class LandedFile:
    """One file in the landing. `is_new` is false when the same bytes had landed before; `is_again`: they count as delivered anew
    nevertheless, as another file had come in between. `problem`: why it could not be taken; then there are no bytes, and a blocked
    batch tells of it."""

    source: str
    file_id: str
    file_name: str
    size_bytes: int
    is_new: bool
    problem: str = ""
    is_again: bool = False

    def __str__(self) -> str:
        if self.problem:
            return f"{self.file_name}: not taken, {self.problem}"
        known = "delivered again, counts as the latest" if self.is_again else "known already"
        what = "landed" if self.is_new else known
        return f"{self.file_name}: {what}, {self.size_bytes} bytes, sha256 {self.file_id}"


@lineage.traced("land.{source_name}", "landed")
@limits.explained("land")
def land(source_name: str, paths: list[Path] | None = None, interval: Interval | None = None) -> list[LandedFile]:
    """Land the files of a source: copy the bytes unchanged, record sha256, size, producer, licence and time.

    The same bytes again are a no-op, whatever their name, unless another file has come in between: where files replace what was
    there, they are the latest then, and their rows are not loaded twice. A file that cannot be taken becomes a blocked batch, the
    others go on. A blocked file that is no longer where files arrive is noted as withdrawn.
    Bytes that retention has purged come back only when somebody names the file.

    Args: source_name: a declared source. paths: files to land; default: those that the source's connector brings. interval: the
    time that the load is about, for connectors that ask for a part of what there is. One that is asked for again (a backfill) takes of
    files whose names say a date those of the interval; a scheduled one takes all that lie there, the late ones, too.
    Returns: one LandedFile per file. Raises: DeclarationError, FileNotFoundError, WarehouseBusy, DiskFull, what the connector
    raises.
    """
    source = declaration(source_name)
    with connectors.arrivals(source, interval) if paths is None else connectors.given(source, paths) as arrived:
        if interval and not interval.is_next and isinstance(source.connector, Files):
            arrived = _of_interval(source, arrived, interval)
        return land_arrivals(source, arrived, restore=paths is not None)


def _of_interval(source: SourceDeclaration, arrived: Arrivals, interval: Interval) -> Arrivals:
    """Without the files whose names say a date outside of an interval: they are neither landed nor missed."""
    zone = ZoneInfo(source.time_zone)

    def is_meant(file: Arrival | Refused | Unchanged) -> bool:
        try:
            day = as_of_in_name(source, file.name)
        except Unreadable:
            return True
        return day is None or interval.start <= datetime(day.year, day.month, day.day, tzinfo=zone) < interval.end

    groups = {name: [file for file in getattr(arrived, name) if is_meant(file)] for name in ("files", "refused", "unchanged")}
    return replace(arrived, **groups, is_complete=False)


def land_arrivals(source: SourceDeclaration, arrived: Arrivals, restore: bool = False) -> list[LandedFile]:
    """Land what a connector has brought, for a declaration that one has at hand; as `land`. `restore`: bytes that retention has
    purged are kept again."""
    copied, refused = [], list(arrived.refused)
    for file in arrived.files:
        try:
            as_of, revision = as_of_in_name(source, file.name), revision_in_name(source, file.name)
            copied.append((file, as_of, revision, *_copy(source, file.path)))
        except Unreadable as reason:
            refused.append(Refused(file.name, file.address, str(reason)))
    # What the ledger names has to be on the disk before.
    targets = [settings().landing / landed_path(source.name, file_id) for _, _, _, file_id, _ in copied]
    durable.fsync_folders(targets, settings().home)
    landed = []
    with warehouse.writer(f"land {source.name}") as connection, warehouse.transaction(connection):
        known = dict(
            connection.execute("select file_id, purged_at is not null from ops.file where source = ?", [source.name]).fetchall()
        )
        wrong = ledger.of_another_period(connection, source, [(file, as_of, file_id) for file, as_of, _, file_id, _ in copied])
        copied = [one for one in copied if one[0].address not in {file.address for file in wrong}]
        refused += wrong
        is_watched = not known or ledger.is_watched(connection, source.name)
        (moment,) = connection.execute("select now()").fetchone()
        for position, (file, as_of, revision, file_id, size) in enumerate(copied):
            is_new, delivered_at = file_id not in known, moment + timedelta(microseconds=position)
            lay_there = ledger.note_arrived(connection, source.name, file.address, file_id)
            is_again = (
                not is_new and is_watched and lay_there != file_id and source.delivery.mode != "append"
                and ledger.deliver_again(connection, source.name, file_id, as_of, revision, delivered_at)
            )  # fmt: skip
            if is_new:
                known[file_id] = False
                connection.execute(
                    """
                    insert into ops.file (file_id, source, file_name, original_path, size_bytes, landed_path, licence, producer,
                        as_of, revision, retrieved_at, delivered_at)
                    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, now(), ?)
                    """,
                    [file_id, source.name, file.name, file.address, size, str(landed_path(source.name, file_id)),
                     source.licence, source.producer, as_of, revision, delivered_at],
                )
            landed.append(LandedFile(source.name, file_id, file.name, size, is_new, is_again=is_again))
        landed += [LandedFile(source.name, file.file_id, file.name, file.size_bytes, False) for file in arrived.unchanged]
        ledger.note_fetched(connection, source.name, [(file, file_id) for file, _, _, file_id, _ in copied])
        ledger.refuse(connection, source.name, refused)
        landed += [LandedFile(source.name, ledger.refused_id(file.address), file.name, 0, False, file.reason) for file in refused]
        mended = [ledger.refused_id(file.address) for file, *_ in copied]
        _note_withdrawn(connection, source.name, [file.file_id for file in landed], mended, arrived.is_complete)
        if arrived.cursor is not None and not refused:
            connection.execute("insert or replace into ops.cursor values (?, ?, now())", [source.name, arrived.cursor])
        purged = [file_id for _, _, _, file_id, _ in copied if known[file_id]]
        if purged and restore:
            connection.execute(
                "update ops.file set purged_at = null where source = ? and list_contains(?::varchar[], file_id)",
                [source.name, purged],
            )
    if not restore:
        for file_id in purged:
            (settings().landing / landed_path(source.name, file_id)).unlink(missing_ok=True)
    return landed


def _note_withdrawn(
    connection: duckdb.DuckDBPyConnection, source_name: str, present: list[str], mended: list[str], is_complete: bool
) -> None:
    """A blocked file whose bytes are no longer where files arrive was corrected or taken away: nobody waits for it. When it comes
    back, it is blocked again until it can be loaded. A file that was refused and has arrived now is `mended`."""
    connection.execute(
        """
        update ops.batch set status = case when list_contains($present, file_id) then 'blocked' else 'withdrawn' end
        where source = $source and status in ('blocked', 'withdrawn') and ($is_complete or list_contains($mended, file_id))
        """,
        {"present": present, "mended": mended, "source": source_name, "is_complete": is_complete},
    )


def landed_path(source_name: str, file_id: str) -> Path:
    """Where the bytes with this sha256 lie, relative to the landing folder."""
    return Path(source_name) / file_id[:2] / file_id


def _copy(source: SourceDeclaration, path: Path) -> tuple[str, int]:
    """Copy a file into the landing; the name of the copy is its sha256. Returns sha256 and size in bytes. Raises Unreadable."""
    digest, size = hashlib.sha256(), 0
    with warehouse.scratch(settings().landing / SCRATCH) as folder:
        with open(folder / "copy", "wb") as copy:
            for chunk in chunks(path):
                digest.update(chunk)
                size += len(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        file_id = digest.hexdigest()
        target = settings().landing / landed_path(source.name, file_id)
        if not _holds(target, file_id):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.chmod(copy.name, 0o444)
            os.replace(copy.name, target)
    return file_id, size


def _holds(path: Path, file_id: str) -> bool:
    """Whether a file is there and has this sha256: what a power cut or a full disk has cut short is not believed by its name."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == file_id


def as_of_in_name(source: SourceDeclaration, file_name: str) -> date | None:
    """The date up to which a file speaks, from its name by the declared `as_of_pattern`.

    The pattern's first group holds year, month and maybe day (`2026-09`, `202609`, `2026-09-15`); a month means its last day.
    Returns None when no pattern is declared or the name does not match. Raises Unreadable when what stands there is no date.
    """
    match = source.as_of_pattern and re.search(source.as_of_pattern, file_name)
    if not match:
        return None
    digits = re.sub(r"\D", "", match.group(1))
    try:
        year, month = int(digits[:4]), int(digits[4:6] or 12)
        day = int(digits[6:8]) if len(digits) >= 8 else calendar.monthrange(year, month)[1]
        return date(year, month, day)
    except ValueError as error:
        found = match.group(1)
        raise Unreadable(f"expected a date in the name, found {found!r}; rename the file or mend as_of_pattern") from error


def revision_in_name(source: SourceDeclaration, file_name: str) -> int:
    """Which edition of its period a file is, from its name by the declared `revision_pattern`: a later one replaces an earlier
    one.

    The pattern's first group, if there is one, holds the number (`_v2` → 2); a name that matches without a number is revision 1
    (`_修订`); one that does not match is the first edition, 0. Raises Unreadable when what stands there is no number.
    """
    match = source.revision_pattern and re.search(source.revision_pattern, file_name)
    if not match:
        return 0
    told = next((group for group in match.groups() if group), "1")
    if not told.isdecimal() or len(told) > 9:
        raise Unreadable(f"expected a revision's number in the name, found {told!r}; rename the file or mend revision_pattern")
    return int(told)
