"""Files of this machine: which of a folder are taken, and reading one that may change meanwhile."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ingest.connectors.arrivals import Arrival, Arrivals, Refused, Unreadable
from ingest.connectors.names import PLAIN_NAME, is_left_over, is_plain, shown
from ingest.declared.connectors import Files

CHUNK = 1 << 20
MEGABYTE = 1 << 20
STILL_WRITTEN = "expected a finished file, found one that is still being written; run this again when it is complete"


def look(root: Path, declared: Files, address: str | None = None) -> Arrivals:
    """The files below a folder that a glob names, sorted by name; hidden files and lock files of office programs are left out.

    What matches and is no file that can be taken is refused with the reason: a link that leads out of the folder, a pipe, a name
    with control characters, a file that is too large or too young.

    Args: root: the folder. declared: the connector. address: of the folder, where it is not its path.
    Raises: FileNotFoundError, PermissionError when the folder cannot be listed.
    """
    for folder in (root, root / _fixed_part(declared.pattern)):
        if folder == root or folder.is_dir():
            os.scandir(folder).close()  # glob finds nothing in a folder that it may not read, without an error
    inside = root.resolve()
    files, refused = [], []
    for path in sorted(root.glob(declared.pattern)):
        below = path.relative_to(root).as_posix()
        if is_left_over(path.name) or _is_plain_folder(path, declared.pattern):
            continue
        name, where = shown(path.name), shown(address + below if address else str(path))
        try:
            if not is_plain(below):
                raise Unreadable(PLAIN_NAME)
            files.append(Arrival(_takable(path, inside, declared), name, where))
        except Unreadable as reason:
            refused.append(Refused(name, where, str(reason)))
    return Arrivals(files, is_complete=True, refused=refused)


@contextmanager
def steady(path: Path) -> Iterator[BinaryIO]:
    """A file, open for reading. Raises Unreadable when it cannot be read, is no file, or has changed when the block ends."""
    try:
        # Without O_NONBLOCK, opening a pipe waits for somebody who writes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise Unreadable(cannot_be_read(error)) from error
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise Unreadable(f"expected a file, found {_kind(before)}; take it away")
        yield file
        try:
            after = os.stat(path)
        except OSError as error:
            raise Unreadable(cannot_be_read(error)) from error
        if (before.st_ino, before.st_size, before.st_mtime_ns) != (after.st_ino, after.st_size, after.st_mtime_ns):
            raise Unreadable(STILL_WRITTEN)


def chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, a part at a time. Raises Unreadable as `steady` does."""
    with steady(path) as file:
        while chunk := _read(file):
            yield chunk


def _read(file: BinaryIO) -> bytes:
    try:
        return file.read(CHUNK)
    except OSError as error:
        raise Unreadable(cannot_be_read(error)) from error


def cannot_be_read(error: OSError) -> str:
    """The reason of a file that the operating system does not hand out."""
    return (
        f"expected a file that can be read, found: {error.strerror or error}; give the user that runs the warehouse the right to "
        "read it, or put it there again"
    )


def too_large(size: int, declared: Files) -> str:
    """The reason of a file above the limit; `size` in bytes."""
    return (
        f"expected at most {declared.max_file_megabytes} MB, found {-(-size // MEGABYTE)} MB; split the file or raise "
        "max_file_megabytes in the declaration"
    )


def too_young(age: float, declared: Files) -> str:
    """The reason of a file that was changed a moment ago; `age` in seconds."""
    return (
        f"expected a file that nobody has changed for {declared.minimum_age_seconds} s, found one changed {max(age, 0):.0f} s "
        "ago; it is taken by the next run after that"
    )


def _takable(path: Path, inside: Path, declared: Files) -> Path:
    """The path without links of a file that can be taken. Raises Unreadable with the reason when it cannot."""
    try:
        status, real = path.stat(), path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        if path.is_symlink():
            raise Unreadable("expected a file, found a link that leads nowhere; put the file itself there") from error
        raise Unreadable(cannot_be_read(error)) from error
    if not real.is_relative_to(inside):
        raise Unreadable("expected a file inside of the folder, found a link that leads out of it; put the file itself there")
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(f"expected a file, found {_kind(status)}; take it away")
    if status.st_size > declared.max_file_megabytes * MEGABYTE:
        raise Unreadable(too_large(status.st_size, declared))
    if (age := time.time() - status.st_mtime) < declared.minimum_age_seconds:
        raise Unreadable(too_young(age, declared))
    return real


def _is_plain_folder(path: Path, pattern: str) -> bool:
    """A folder that a glob such as `*` meets on its way; one called like a file (`old.csv` for `*.csv`) is told of."""
    return path.is_dir() and not path.is_symlink() and not Path(pattern).suffix


def _fixed_part(pattern: str) -> str:
    """The folders at the start of a glob that have no wildcard."""
    folders = pattern.split("/")[:-1]
    wild = next((number for number, folder in enumerate(folders) if set(folder) & set("*?[")), len(folders))
    return "/".join(folders[:wild])


def _kind(status: os.stat_result) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(status.st_mode), "a device")
