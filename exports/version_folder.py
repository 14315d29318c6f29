"""Version folders and their `current` link: written aside, made durable, switched atomically, pruned.

`published/` and `exports/` share this shape: `<version>/` is complete and never changes its data,
`.<version>.partial/` is being written (or was left by a crash), `current` is a relative link to one version.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ingest.durable import fsync

CURRENT = "current"
STAMP = "%Y%m%dT%H%M%SZ"
NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


def names(folder: Path) -> list[str]:
    """Versions in a folder, newest first (their names sort by time)."""
    if not folder.is_dir():
        return []
    return sorted((entry.name for entry in folder.iterdir() if NAME.fullmatch(entry.name)), reverse=True)


def new_name(folder: Path, run_id: str, now: datetime | None = None) -> str:
    """A name for a new version, e.g. `20261122T121314Z-1f0c9a3b`: when, and a digest of the run.

    It sorts after every version already there: within the same second, or after a clock that was set back, the
    stamp is one second past the newest. The exact time of publication is in the manifest.
    """
    stamp = now or datetime.now(timezone.utc)
    existing = names(folder)
    if existing:
        newest = datetime.strptime(existing[0].split("-")[0], STAMP).replace(tzinfo=timezone.utc)
        stamp = max(stamp, newest + timedelta(seconds=1))
    return f"{stamp.strftime(STAMP)}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


def current_name(folder: Path) -> str | None:
    """The version that `current` points to, or None when there is none."""
    link = folder / CURRENT
    return os.path.basename(os.readlink(link)) if link.is_symlink() else None


def partial(folder: Path, version: str) -> Path:
    """Where a version is written before it is complete."""
    return folder / f".{version}.partial"


@contextmanager
def guard(folder: Path) -> Iterator[None]:
    """Let nobody else switch the link of a folder or take versions away meanwhile. Readers are never kept waiting.

    An OS lock, which ends with the process. It is held for moments only, never while data is written.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def remove_stale(folder: Path) -> None:
    """Remove what a crash left behind: partial versions and a link that was not switched."""
    if not folder.is_dir():
        return
    link = partial(folder, CURRENT)
    with guard(folder):
        link.unlink(missing_ok=True)
    for entry in folder.iterdir():
        if entry.name.startswith(".") and entry.name.endswith(".partial") and entry != link:
            shutil.rmtree(entry)


@contextmanager
def tidied(folder: Path) -> Iterator[None]:
    """Around the writing of a version: what a crash has left is removed before, and at once what this one leaves when it fails:
    on a full disk, that is the room that is missing."""
    remove_stale(folder)
    try:
        yield
    except BaseException:
        remove_stale(folder)
        raise


def make_durable(folder: Path) -> None:
    """fsync every file and folder below a folder, and the folder itself."""
    for parent, _, files in os.walk(folder, topdown=False):
        for name in files:
            fsync(Path(parent, name))
        fsync(Path(parent))


def switch(folder: Path, version: str) -> None:
    """Point `current` at a version, atomically: readers see the old version or the new one, never neither.

    After a power cut, too: the name of the version is on the disk before the link leads to it. The caller holds the `guard`.
    """
    fsync(folder)
    fsync(folder.parent)
    link = partial(folder, CURRENT)
    link.unlink(missing_ok=True)
    os.symlink(version, link)
    os.replace(link, folder / CURRENT)
    fsync(folder)


def prune(folder: Path, keep: int, spare: Collection[str] = ()) -> list[str]:
    """Delete all but the newest `keep` versions; the current one and those to `spare` stay, whatever their age.

    A version is renamed to its partial name first, so that a crash leaves no half version that looks whole.
    Returns: those deleted.
    """
    with guard(folder):
        kept = {current_name(folder), *spare}
        deleted = [version for version in names(folder)[keep:] if version not in kept]
        for version in deleted:
            os.rename(folder / version, partial(folder, version))
    for version in deleted:
        shutil.rmtree(partial(folder, version))
    return deleted
