"""Looks into the zip package of a workbook before it is read: is it one, is it safe, which cells hold no value."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from ingest.readers.parsed import FileRejected
from ingest.readers.text import CHUNK

MAX_UNPACKED = 2 << 30
MAX_CELLS = 50_000_000
OVERLAP = 64
CELL = re.compile(rb"""\sr=["']([A-Z]{1,3})([0-9]{1,7})["']""")
ODD = (b' t="e"', b" t='e'", b"<f>", b"<f ", b"<f/", b":f>", b":f ", b":f/")
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})\Z")


def check(path: Path) -> dict[str, dict[tuple[int, int], str]]:
    """Check the package of a workbook.

    Args: path: the landed bytes. Returns: sheet name → (row, column) from 0 → text of the cells that the reader of values
    leaves empty: errors such as `#REF!`, and the formula where none of its values was stored.
    Raises: FileRejected when the file is no .xlsx, is locked, has macros or links to other files, or unpacks to too much.
    """
    with open(path, "rb") as file:
        start = file.read(8)
    if start == OLE:
        raise FileRejected(
            "expected an Excel workbook (.xlsx), found one that is locked with a password or in the old .xls form; open it in "
            "Excel and save it as .xlsx without a password"
        )
    try:
        with zipfile.ZipFile(path) as package:
            return _check_parts(package)
    except (zipfile.BadZipFile, ElementTree.ParseError, NotImplementedError, RuntimeError, KeyError, EOFError) as error:
        raise FileRejected(
            f"expected an Excel workbook (.xlsx), found another kind of file or a damaged one ({error}); a text table is "
            "declared as format: {type: csv}"
        ) from error


def _check_parts(package: zipfile.ZipFile) -> dict[str, dict[tuple[int, int], str]]:
    names = package.namelist()
    if "xl/workbook.xml" not in names:
        raise FileRejected("expected an Excel workbook (.xlsx), found a package without xl/workbook.xml; save it as .xlsx")
    if len(names) != len(set(names)):
        raise FileRejected("expected each part of the workbook once, found one twice; open it in Excel and save it again")
    unsafe = [name for name in names if name.lower().endswith("vbaproject.bin") or "/externallinks/" in name.lower()]
    if unsafe:
        raise FileRejected(
            f"expected a workbook of values, found macros or links to other files ({', '.join(unsafe[:3])}); copy the sheets "
            "as values into a new workbook and save it as .xlsx"
        )
    unpacked = 0
    odd = set()
    for info in package.infolist():
        # The size that the package states may be a lie; what comes out is counted.
        info.file_size = MAX_UNPACKED + 1
        last_row = last_column = 0
        tail = b""
        with package.open(info) as part:
            while chunk := part.read(CHUNK):
                unpacked += len(chunk)
                if unpacked > MAX_UNPACKED:
                    raise FileRejected(f"expected at most {MAX_UNPACKED >> 20} MB when unpacked, found more; split the workbook")
                if b"<!DOCTYPE" in (text := tail + chunk):
                    raise FileRejected("expected a workbook, found one with a document type declaration, which none needs")
                tail = text[-OVERLAP:]
                if not info.filename.startswith("xl/worksheets/"):
                    continue
                if info.filename not in odd and any(mark in text for mark in ODD):
                    odd.add(info.filename)
                references = CELL.findall(text)
                last_row = max([last_row, *(int(row) for row in {row for _, row in references})])
                last_column = max([last_column, *map(_column, {column.decode() for column, _ in references})])
        if last_row * last_column > MAX_CELLS:
            raise FileRejected(
                f"expected at most {MAX_CELLS} cells in a sheet, found {last_row} rows × {last_column} columns in "
                f"{info.filename}; delete what stands far below or right of the table"
            )
    return {sheet: dict(_odd_cells(package, part)) for sheet, part in _sheet_parts(package).items() if part in odd}


def _column(letters: str) -> int:
    """The number of a column, from 1: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _sheet_parts(package: zipfile.ZipFile) -> dict[str, str]:
    """Sheet name → part of the package."""
    links = {
        link.get("Id"): posixpath.normpath(posixpath.join("/xl", link.get("Target", ""))).lstrip("/")
        for link in ElementTree.fromstring(package.read("xl/_rels/workbook.xml.rels"))
    }
    return {
        sheet.get("name"): links.get(value)
        for sheet in ElementTree.fromstring(package.read("xl/workbook.xml")).iter()
        if _local(sheet.tag) == "sheet"
        for key, value in sheet.items()
        if _local(key) == "id"
    }


def _odd_cells(package: zipfile.ZipFile, part: str) -> Iterator[tuple[tuple[int, int], str]]:
    row = column = -1
    with package.open(part) as file:
        for event, element in ElementTree.iterparse(file, events=("start", "end")):
            tag = _local(element.tag)
            if event == "start":
                if tag == "row":
                    row, column = int(element.get("r", row + 2)) - 1, -1
                elif tag == "c":
                    reference = REFERENCE.match(element.get("r", ""))
                    column = _column(reference.group(1)) - 1 if reference else column + 1
            elif tag == "c":
                parts = {_local(child.tag): child.text or "" for child in element}
                if element.get("t") == "e":
                    yield (row, column), parts.get("v") or "#ERROR"
                elif "f" in parts and not parts.get("v") and element.get("t") != "str":
                    yield (row, column), f"={parts['f']}"
            elif tag == "row":
                element.clear()
