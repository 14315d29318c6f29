"""Land: fetch the bytes, keep them unchanged, write them into the ledger `ops.file`."""

from __future__ import annotations

import calendar
import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from ingest import connectors, warehouse
from ingest.connectors import Arrival, Arrivals, Interval
from ingest.declaration import SourceDeclaration, declaration
from ingest.settings import settings

CHUNK = 1 << 20


@dataclass(frozen=True)
class LandedFile:
    """One file in the landing. `is_new` is false when the same bytes had landed before."""

    source: str
    file_id: str
    file_name: str
    size_bytes: int
    is_new: bool


def land(source_name: str, paths: list[Path] | None = None, interval: Interval | None = None) -> list[LandedFile]:
    """Land the files of a source: copy the bytes unchanged, record sha256, size, producer, licence and time.

    The same bytes again are a no-op, whatever their name. A blocked file that is no longer where files arrive is noted as
    withdrawn.

    Args: source_name: a declared source. paths: files to land; default: those that the source's connector brings. interval: the
    time that the load is about, for connectors that ask for a part of what there is.
    Returns: one LandedFile per file. Raises: DeclarationError, FileNotFoundError, WarehouseBusy, what the connector raises.
    """
    source = declaration(source_name)
    if paths is not None:
        return land_arrivals(source, Arrivals([Arrival(path, path.name, str(path)) for path in paths], is_complete=False))
    with connectors.arrivals(source, interval) as arrived:
        return land_arrivals(source, arrived)


def land_arrivals(source: SourceDeclaration, arrived: Arrivals) -> list[LandedFile]:
    """Land what a connector has brought, for a declaration that one has at hand; as `land`."""
    copied = [(file, *_copy(source, file.path)) for file in arrived.files]
    landed = []
    with warehouse.writer(f"land {source.name}") as connection, warehouse.transaction(connection):
        known = {
            row[0] for row in connection.execute("select file_id from ops.file where source = ?", [source.name]).fetchall()
        }
        for file, file_id, size in copied:
            is_new = file_id not in known
            if is_new:
                known.add(file_id)
                connection.execute(
                    """
                    insert into ops.file (file_id, source, file_name, original_path, size_bytes, landed_path, licence, producer, as_of,
                        revision, retrieved_at)
                    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, now())
                    """,
                    [file_id, source.name, file.name, file.address, size, str(landed_path(source.name, file_id)),
                     source.licence, source.producer, as_of_in_name(source, file.name), revision_in_name(source, file.name)],
                )
            landed.append(LandedFile(source.name, file_id, file.name, size, is_new))
        if arrived.is_complete:
            _note_withdrawn(connection, source.name, [file_id for _, file_id, _ in copied])
    return landed


def _note_withdrawn(connection: duckdb.DuckDBPyConnection, source_name: str, present: list[str]) -> None:
    """A blocked file whose bytes are no longer in the drop folder was corrected or taken away: nobody waits for it. When
    it comes back, it is blocked again until it can be loaded."""
    connection.execute(
        """
        update ops.batch set status = case when list_contains($present, file_id) then 'blocked' else 'withdrawn' end
        where source = $source and status in ('blocked', 'withdrawn')
        """,
        {"present": present, "source": source_name},
    )


def landed_path(source_name: str, file_id: str) -> Path:
    """Where the bytes with this sha256 lie, relative to the landing folder."""
    return Path(source_name) / file_id[:2] / file_id


def _copy(source: SourceDeclaration, path: Path) -> tuple[str, int]:
    """Copy a file into the landing; the name of the copy is its sha256. Returns sha256 (hex) and size in bytes."""
    folder = settings().landing / source.name
    folder.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as arriving, tempfile.NamedTemporaryFile(dir=folder, prefix=".landing-", delete=False) as copy:
        try:
            while chunk := arriving.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        except BaseException:
            os.unlink(copy.name)
            raise
    target = settings().landing / landed_path(source.name, digest.hexdigest())
    if target.exists():
        os.unlink(copy.name)
    else:
        target.parent.mkdir(exist_ok=True)
        os.chmod(copy.name, 0o444)
        os.replace(copy.name, target)
    return digest.hexdigest(), size


def as_of_in_name(source: SourceDeclaration, file_name: str) -> date | None:
    """The date up to which a file speaks, from its name by the declared `as_of_pattern`.

    The pattern's first group holds year, month and maybe day (`2026-09`, `202609`, `2026-09-15`); a month means its last day.
    Returns None when no pattern is declared or the name does not match.
    """
    match = source.as_of_pattern and re.search(source.as_of_pattern, file_name)
    if not match:
        return None
    digits = re.sub(r"\D", "", match.group(1))
    year, month = int(digits[:4]), int(digits[4:6] or 12)
    day = int(digits[6:8]) if len(digits) >= 8 else calendar.monthrange(year, month)[1]
    return date(year, month, day)


def revision_in_name(source: SourceDeclaration, file_name: str) -> int:
    """Which edition of its period a file is, from its name by the declared `revision_pattern`: a later one replaces an earlier one.

    The pattern's first group, if there is one, holds the number (`_v2` → 2); a name that matches without a number is revision 1
    (`_修订`); one that does not match is the first edition, 0.
    """
    match = source.revision_pattern and re.search(source.revision_pattern, file_name)
    if not match:
        return 0
    return int(next((group for group in match.groups() if group), 1))
