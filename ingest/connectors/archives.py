"""Archives: each member becomes a file of its own, unpacked with limits, below a temporary folder."""

from __future__ import annotations

import gzip
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ingest.connectors import local_files
from ingest.connectors.arrivals import Arrival, Arrivals, Refused, Unreadable
from ingest.connectors.local_files import CHUNK, MEGABYTE
from ingest.connectors.names import PLAIN_NAME, is_left_over, is_plain, matches, shown
from ingest.declaration import SourceDeclaration
from ingest.declared.connectors import Files
from ingest.warehouse import scratch

MAX_MEMBERS = 10_000
MAX_DIRECTORY_BYTES = 8 * MEGABYTE
MAX_RATIO = 200
RATIO_COUNTS_FROM = 16 * MEGABYTE
NESTED = re.compile(r"\.(zip|gz|tgz|tar|7z|rar|bz2|xz|zst)\Z", re.IGNORECASE)
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile, NotImplementedError, RuntimeError, ValueError)
NESTED_ARCHIVE = "expected a file, found an archive in an archive; unpack it once before it is sent"
DAMAGED_ARCHIVE = "expected a whole archive, found a damaged or incomplete one; have it sent again"
TOO_MANY = f"expected at most {MAX_MEMBERS} members, found more; split the archive"
OUTSIDE = "expected a name below the archive, found one that leads out of it; make the archive again with plain names"
UTF8_NAME = 0x800
ENCRYPTED = 0x1


@contextmanager
def unpacked(source: SourceDeclaration, found: Arrivals) -> Iterator[Arrivals]:
    """What has arrived, with the members of archives in place of the archives, until the block ends.

    A member's address is `<address of the archive>!/<member>`. A member that cannot be taken is refused, the others go on; an
    archive that is damaged or unpacks to too much is refused as a whole.

    Args: source: whose connector declares `archive`, or not. found: what its connector brought.
    """
    declared = source.connector
    ending = getattr(declared, "archive", None)
    if ending is None:
        yield found
        return
    with scratch() as folder:
        files, refused = [], list(found.refused)
        for number, archive in enumerate(found.files):
            if not archive.name.lower().endswith(f".{ending}"):
                files.append(archive)
                continue
            members = folder / str(number)
            members.mkdir()
            try:
                with local_files.steady(archive.path) as file:
                    taken, faulty = (_unpack_zip if ending == "zip" else _unpack_gz)(archive, file, members, declared)
            except (Unreadable, _Bomb) as reason:
                refused.append(Refused(archive.name, archive.address, str(reason)))
                continue
            files += taken
            refused += faulty
        yield replace(found, files=files, refused=refused)


def _unpack_zip(archive: Arrival, file: BinaryIO, folder: Path, declared: Files) -> tuple[list[Arrival], list[Refused]]:
    """Write the members that the declaration takes into a folder, under numbers instead of their names. Raises Unreadable when
    the archive as a whole cannot be taken."""
    taken, refused = [], []
    budget = _Budget(declared)
    names = set()
    with _open_zip(file) as package:
        for number, info in enumerate(package.infolist()):
            name = _name(info)
            if name.endswith("/") or is_left_over(name):
                continue
            if not is_plain(name) or not _is_below(name):
                found = PLAIN_NAME if not is_plain(name) else OUTSIDE
                refused.append(_refused_member(archive, name, found))
                continue
            name = str(PurePosixPath(name))
            if not matches(name, declared.members):
                continue
            try:
                _refuse_kind(info, name)
                if name in names:
                    raise Unreadable("expected each member once, found two of this name; make the archive again")
                names.add(name)
                _write(_member(package, info), folder / str(number), budget, info.compress_size)
                taken.append(_arrived_member(archive, name, folder / str(number)))
            except Unreadable as reason:
                refused.append(_refused_member(archive, name, str(reason)))
    if not taken and not refused:
        raise Unreadable(f"expected members that match {declared.members!r}, found none; see `members` in the declaration")
    return taken, refused


def _unpack_gz(archive: Arrival, file: BinaryIO, folder: Path, declared: Files) -> tuple[list[Arrival], list[Refused]]:
    """Write what a .gz holds into a folder; its name is that of the archive without the ending."""
    name = archive.name[: -len(".gz")]
    if NESTED.search(name):
        raise Unreadable(NESTED_ARCHIVE)
    packed_size = archive.path.stat().st_size
    if not packed_size:  # gzip takes nothing for a whole archive of nothing
        raise Unreadable(DAMAGED_ARCHIVE)
    with gzip.GzipFile(fileobj=file) as content:
        _write(_damage_told(content), folder / "0", _Budget(declared), packed_size)
    return [_arrived_member(archive, name, folder / "0")], []


class _Budget:
    """How much may still be written for one archive."""

    def __init__(self, declared: Files) -> None:
        self.declared = declared
        self.left = declared.max_file_megabytes * MEGABYTE

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _Bomb(
                f"expected at most {self.declared.max_file_megabytes} MB when unpacked, found more; split the archive or raise "
                "max_file_megabytes in the declaration"
            )


class _Bomb(Exception):
    """An archive unpacks to too much: nothing of it is taken."""


def _write(content: Iterator[bytes], path: Path, budget: _Budget, packed_size: int) -> None:
    size = 0
    with open(path, "wb") as out:
        for chunk in content:
            size += len(chunk)
            budget.take(len(chunk))
            if size > RATIO_COUNTS_FROM and size > MAX_RATIO * packed_size:
                raise _Bomb(
                    f"expected data, found a member that unpacks to over {MAX_RATIO} times its size: an archive bomb; ask "
                    "for the file without an archive"
                )
            out.write(chunk)


def _open_zip(file: BinaryIO) -> zipfile.ZipFile:
    # What zipfile reads at once is the directory at the end; its size stands in front of the file's last bytes.
    end = zipfile._EndRecData(file)
    if end and end[zipfile._ECD_SIZE] > MAX_DIRECTORY_BYTES:
        raise Unreadable(TOO_MANY)
    try:
        package = zipfile.ZipFile(file)
    except DAMAGED as error:
        raise Unreadable(f"{DAMAGED_ARCHIVE} ({error})") from error
    if len(package.infolist()) > MAX_MEMBERS:
        raise Unreadable(TOO_MANY)
    return package


def _member(package: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        content = package.open(info)
    except DAMAGED as error:
        raise Unreadable(f"{DAMAGED_ARCHIVE} ({error})") from error
    with content:
        yield from _damage_told(content)


def _damage_told(content: BinaryIO) -> Iterator[bytes]:
    while True:
        try:
            chunk = content.read(CHUNK)
        except DAMAGED as error:
            raise Unreadable(f"{DAMAGED_ARCHIVE} ({error})") from error
        if not chunk:
            return
        yield chunk


def _refuse_kind(info: zipfile.ZipInfo, name: str) -> None:
    """Raise Unreadable for a member that is no plain file, cannot be opened, or could not be unpacked within bounds."""
    if info.flag_bits & ENCRYPTED:
        raise Unreadable("expected a member without password, found an encrypted one; pack it again without a password")
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        raise Unreadable("expected a file, found a link or a device in the archive; pack the file itself")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = zipfile.compressor_names.get(info.compress_type, info.compress_type)
        raise Unreadable(f"expected a member that is stored or deflated, found {method}; pack it again with the usual method")
    if NESTED.search(name):
        raise Unreadable(NESTED_ARCHIVE)


def _name(info: zipfile.ZipInfo) -> str:
    """The name of a member with `/` between its parts. Without the flag for UTF-8 it is in the encoding of the machine that made
    the archive: UTF-8 or, in China, GBK; zipfile then shows it as cp437."""
    name = info.orig_filename
    if not info.flag_bits & UTF8_NAME:
        told = name.encode("cp437")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = told.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return name.replace("\\", "/")


def _is_below(name: str) -> bool:
    """Whether the name of a member leads nowhere but below the archive."""
    return not name.startswith("/") and not re.match("[A-Za-z]:", name) and ".." not in name.split("/")


def _arrived_member(archive: Arrival, name: str, path: Path) -> Arrival:
    return Arrival(path, f"{archive.name}!/{name}", f"{archive.address}!/{name}")


def _refused_member(archive: Arrival, name: str, reason: str) -> Refused:
    return Refused(f"{archive.name}!/{shown(name)}", f"{archive.address}!/{shown(name)}", reason)
