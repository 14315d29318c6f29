"""The streams of an OLE compound file, the container of old Office documents ([MS-CFB])."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from itertools import chain

FREE = 0xFFFFFFFA  # sector numbers from here on are marks, no sectors
HEADER_BYTES = 512
ENTRY_BYTES = 128
SMALL_STREAM = 4096


class DamagedCompound(ValueError):
    """Bytes that are no sound compound file."""


class CompoundFile:
    """What lies at the top of a compound file: `streams` is name → (first sector, bytes).

    Args: content: the bytes of the file. Raises: DamagedCompound when its tables lead nowhere.
    """

    def __init__(self, content: bytes | mmap.mmap) -> None:
        self.content = content
        try:
            shift, small_shift = struct.unpack_from("<HH", content, 30)
            if shift not in (9, 12) or small_shift != 6:
                raise DamagedCompound(f"sectors of 2^{shift} bytes")
            self.sector_bytes, self.small_bytes = 1 << shift, 1 << small_shift
            directory, _, _, first_small, _, first_difat, _ = struct.unpack_from("<7I", content, 48)
            self.table = self._sector_table(first_difat)
            self.small_table = _numbers(b"".join(map(self._sector, self._chain(first_small, self.table))))
            self.entries = b"".join(map(self._sector, self._chain(directory, self.table)))
            self.root = struct.unpack_from("<II", self.entries, 116)
            self.streams = dict(self._top_level())
        except (struct.error, IndexError) as error:
            raise DamagedCompound(str(error)) from error

    def read(self, name: str) -> bytes:
        """The bytes of a stream. Raises: KeyError when there is none of that name, DamagedCompound when it is cut off."""
        first, size = self.streams[name]
        if size < SMALL_STREAM:
            root_first, root_size = self.root
            root = b"".join(map(self._sector, self._chain(root_first, self.table)))[:root_size]
            numbers = self._chain(first, self.small_table)
            data = b"".join(root[n * self.small_bytes : (n + 1) * self.small_bytes] for n in numbers)
        else:
            data = b"".join(map(self._sector, self._chain(first, self.table)))
        if len(data) < size:
            raise DamagedCompound(f"expected {size} bytes in the stream {name}, found {len(data)}")
        return data[:size]

    def _top_level(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Name → (first sector, bytes) of what lies in the root: streams and folders, not what is inside those."""
        (child,) = struct.unpack_from("<I", self.entries, 76)
        waiting, seen = [child], set()
        while waiting:
            number = waiting.pop()
            if number >= FREE or number in seen:
                continue
            seen.add(number)
            entry = self.entries[number * ENTRY_BYTES : (number + 1) * ENTRY_BYTES]
            name_bytes, _, _, left, right = struct.unpack_from("<HBBII", entry, 64)
            waiting += [left, right]
            name = entry[: max(0, min(name_bytes, 64) - 2)].decode("utf-16-le", errors="replace")
            yield name, struct.unpack_from("<II", entry, 116)

    def _sector_table(self, first_difat: int) -> list[int]:
        """The table that says which sector follows which; its own sectors are listed in the header and in the DIFAT chain."""
        listed = [number for number in struct.unpack_from("<109I", self.content, 76) if number < FREE]
        seen = set()
        while first_difat < FREE:
            if first_difat in seen:
                raise DamagedCompound("a chain of sectors that bites its tail")
            seen.add(first_difat)
            *more, first_difat = _numbers(self._sector(first_difat))
            listed += [number for number in more if number < FREE]
        if len(set(listed)) != len(listed):
            raise DamagedCompound("a sector that stands twice in the table of sectors")
        return list(chain.from_iterable(_numbers(self._sector(number)) for number in listed))

    def _chain(self, number: int, table: list[int]) -> list[int]:
        numbers = []
        while number < FREE:
            if len(numbers) > len(table):
                raise DamagedCompound("a chain of sectors that bites its tail")
            numbers.append(number)
            number = table[number]
        return numbers

    def _sector(self, number: int) -> bytes:
        start = HEADER_BYTES if self.sector_bytes == HEADER_BYTES else self.sector_bytes
        start += number * self.sector_bytes
        data = self.content[start : start + self.sector_bytes]
        if not data:
            raise DamagedCompound(f"expected a sector {number}, found the end of the file")
        return data.ljust(self.sector_bytes, b"\x00")


def _numbers(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])
