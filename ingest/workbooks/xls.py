"""Looks into an old workbook (.xls) before its values are read: is it safe, and which cells hold no value."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from ingest.workbooks import WorkbookRejected
from ingest.workbooks.compound import CompoundFile, DamagedCompound

BOF, EOF, FORMULA, BOUNDSHEET, FILEPASS, SUPBOOK, BOOLERR = 0x809, 0x0A, 0x06, 0x85, 0x2F, 0x1AE, 0x205
ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
OWN_SHEETS, ADD_IN = 0x0401, 0x3A01
MACRO_SHEETS = (1, 6)
IS_NO_NUMBER, ERROR = b"\xff\xff", 2


def check(path: Path) -> dict[int, dict[tuple[int, int], str]]:
    """Check an old workbook.

    A formula that was never computed stores the same as one whose result is blank: it reads as blank.

    Args: path: the landed bytes. Returns: position of the sheet from 0 → (row, column) from 0 → the error (`#REF!`) of the cells
    that the reader of values leaves empty.
    Raises: WorkbookRejected when it is damaged, locked, has macros or links to other files.
    """
    try:
        container = CompoundFile(path.read_bytes())
        stream = container.read("Workbook" if "Workbook" in container.streams else "Book")
    except (DamagedCompound, KeyError) as error:
        raise WorkbookRejected(
            f"expected an Excel workbook (.xls) that can be opened, found a damaged one ({error}); ask for the file again"
        ) from error
    if "_VBA_PROJECT_CUR" in container.streams or "VBA" in container.streams:
        raise _unsafe("macros")
    sheets, starts = {}, []
    position, depth = None, 0
    for start, kind, data in _records(stream):
        if kind == FILEPASS:
            raise WorkbookRejected("expected a workbook without a password, found one that is locked; save it again without")
        if kind == BOUNDSHEET and len(data) >= 6:
            if data[5] in MACRO_SHEETS:
                raise _unsafe("macros")
            starts.append(struct.unpack_from("<I", data)[0])
        elif kind == SUPBOOK and struct.unpack_from("<H", data, 2)[0] not in (OWN_SHEETS, ADD_IN):
            raise _unsafe("links to other files")
        elif kind == BOF:
            depth += 1
            position = starts.index(start) if start in starts else position
        elif kind == EOF:
            depth -= 1
        elif depth == 1 and position is not None and kind in (BOOLERR, FORMULA) and (odd := _odd_cell(kind, data)):
            row, column = struct.unpack_from("<HH", data)
            sheets.setdefault(position, {})[row, column] = odd
    return sheets


def _odd_cell(kind: int, data: bytes) -> str | None:
    if kind == BOOLERR and len(data) >= 8:
        return ERRORS.get(data[6], "#ERROR") if data[7] else None
    if kind == FORMULA and len(data) >= 14 and data[12:14] == IS_NO_NUMBER and data[6] == ERROR:
        return ERRORS.get(data[8], "#ERROR")
    return None


def _records(stream: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(position in the stream, kind, data) of each record. A chart lies inside the records of its sheet."""
    start = 0
    while start + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, start)
        yield start, kind, stream[start + 4 : start + 4 + length]
        start += 4 + length


def _unsafe(what: str) -> WorkbookRejected:
    return WorkbookRejected(
        f"expected a workbook of values, found {what}; copy the sheets as values into a new workbook and save it as .xlsx"
    )
