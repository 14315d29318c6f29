"""Looks into the package of an Excel workbook (.xlsx) before its values are read: is it safe, which cells hold no value."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from ingest.workbooks import MAX_CELLS, WorkbookRejected
from ingest.workbooks.package import chunks, document, unsafe

CELL = re.compile(rb"""\sr=["']([A-Z]{1,3})([0-9]{1,7})["']""")
ODD = (b' t="e"', b" t='e'", b"<f>", b"<f ", b"<f/", b":f>", b":f ", b":f/")
REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})\Z")


def check(path: Path) -> dict[int, dict[tuple[int, int], str]]:
    """Check the package of a workbook.

    Args: path: the landed bytes. Returns: position of the sheet from 0 → (row, column) from 0 → text of the cells that the reader
    of values leaves empty: errors such as `#REF!`, and the formula where none of its values was stored.
    Raises: WorkbookRejected when the file has macros or links to other files, or unpacks to too much. Damaged ones raise what
    zipfile and ElementTree raise.
    """
    with zipfile.ZipFile(path) as package:
        names = [
            name
            for name in package.namelist()
            if name.lower().endswith("vbaproject.bin") or "/externallinks/" in name.lower() or "/macrosheets/" in name.lower()
        ]
        if names:
            raise unsafe("macros or links to other files", names)
        parts = _sheet_parts(package)
        odd, last = set(), {}
        for part, content in chunks(package):
            if part not in parts:
                continue
            if any(mark in content for mark in ODD):
                odd.add(part)
            references = CELL.findall(content)
            row, column = last.get(part, (0, 0))
            row = max([row, *map(int, {row for _, row in references})])
            column = max([column, *(_column(letters.decode()) for letters in {letters for letters, _ in references})])
            last[part] = row, column
            if row * column > MAX_CELLS:
                raise WorkbookRejected(
                    f"expected at most {MAX_CELLS} cells in a sheet, found {row} rows × {column} columns in {part}; delete what "
                    "stands far below or right of the table"
                )
        return {position: dict(_odd_cells(package, part)) for position, part in enumerate(parts) if part in odd}


def _column(letters: str) -> int:
    """The number of a column, from 1: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _sheet_parts(package: zipfile.ZipFile) -> list[str | None]:
    """The parts of the sheets, in the order of the workbook."""
    links = {
        link.get("Id"): posixpath.normpath(posixpath.join("/xl", link.get("Target", ""))).lstrip("/")
        for link in ElementTree.fromstring(document(package, "xl/_rels/workbook.xml.rels"))
    }
    return [
        next((links.get(value) for key, value in sheet.items() if _local(key) == "id"), None)
        for sheet in ElementTree.fromstring(document(package, "xl/workbook.xml")).iter()
        if _local(sheet.tag) == "sheet"
    ]


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
