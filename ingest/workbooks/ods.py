"""Reads the sheets of an OpenDocument spreadsheet (.ods) from its content.xml.

calamine reads .ods too, but it tells neither merged cells nor errors, and believes how often a cell says that it is repeated.
"""

from __future__ import annotations

import datetime
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from ingest.workbooks import CHUNK, MAX_CELLS, MAX_SHEETS, WorkbookRejected
from ingest.workbooks.cells import Range, text
from ingest.workbooks.package import chunks, unsafe

OFFICE, TABLE, TEXT, STYLE, CALC = "office", "table", "text", "style", "calcext"
NAMESPACES = {
    "urn:oasis:names:tc:opendocument:xmlns:office:1.0": OFFICE,
    "urn:oasis:names:tc:opendocument:xmlns:table:1.0": TABLE,
    "urn:oasis:names:tc:opendocument:xmlns:text:1.0": TEXT,
    "urn:oasis:names:tc:opendocument:xmlns:style:1.0": STYLE,
    "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0": CALC,
}
CELLS = ("table:table-cell", "table:covered-table-cell")
NOT_OF_THE_CELL = ("office:annotation", "text:note", "text:ruby-text", "table:shapes", "table:table", "office:forms")
LONGEST_TEXT = 1 << 20
DURATION = re.compile(r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,](\d+))?S)?)?\Z")


@dataclass
class Table:
    """A sheet. `rows` ends with the last row that holds something; `ranges` are its merged cells, counted from 0."""

    name: str
    is_visible: bool
    rows: list[list[str]] = field(default_factory=list)
    ranges: list[Range] = field(default_factory=list)


def read(path: Path) -> list[Table]:
    """All sheets of a spreadsheet.

    Args: path: the landed bytes.
    Returns: tables in their order. Raises: WorkbookRejected when it is damaged, locked, unsafe or too large.
    """
    with zipfile.ZipFile(path) as package:
        if "Basic/script-lc.xml" in (names := package.namelist()) or any(name.startswith("Scripts/") for name in names):
            raise unsafe("macros", [name for name in names if name.startswith(("Basic/", "Scripts/"))])
        for part, content in chunks(package):
            if part == "META-INF/manifest.xml" and b"encryption-data" in content:
                raise WorkbookRejected("expected a workbook without a password, found one that is locked; save it again without")
        reader = _Reader()
        with package.open("content.xml") as part:
            while chunk := part.read(CHUNK):
                reader.parser.Parse(chunk, False)
            reader.parser.Parse(b"", True)
        return reader.tables


class _Reader:
    """Takes the events of the XML parser. Repetitions are written out only where cells hold something."""

    def __init__(self) -> None:
        self.tables: list[Table] = []
        self.hidden_styles: set[str] = set()
        self.style = ""
        self.table: Table | None = None
        self.ignored = ""  # the element whose content is not looked at, and how deep it stands in itself
        self.ignored_depth = 0
        self.cells = 0
        self.row: list[tuple[str, int]] | None = None
        self.row_number = self.row_repeated = self.column = 0
        self.cell: dict[str, str] | None = None
        self.paragraphs: list[str] = []
        self.parts: list[str] | None = None
        self.length = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.StartDoctypeDeclHandler = self.doctype

    def doctype(self, *_: object) -> None:
        raise WorkbookRejected("expected a workbook, found one with a document type declaration, which none needs")

    def start(self, qualified: str, attributes: dict[str, str]) -> None:
        name = _short(qualified)
        if self.ignored:
            self.ignored_depth += name == self.ignored
            return
        if self.table and name in NOT_OF_THE_CELL or name == "table:tracked-changes":
            self.ignored, self.ignored_depth = name, 1
        elif name in ("table:table-source", "office:dde-source", "table:dde-link", "table:cell-range-source"):
            raise unsafe("links to other files", [name])
        elif name == "style:style":
            self.style = attributes.get(f"{_LONG[STYLE]} name", "")
        elif name == "style:table-properties" and attributes.get(f"{_LONG[TABLE]} display") == "false":
            self.hidden_styles.add(self.style)
        elif name == "table:table":
            is_visible = attributes.get(f"{_LONG[TABLE]} style-name") not in self.hidden_styles
            self.table = Table(attributes.get(f"{_LONG[TABLE]} name", ""), is_visible)
            self.tables.append(self.table)
            if len(self.tables) > MAX_SHEETS:
                raise WorkbookRejected(f"expected at most {MAX_SHEETS} sheets, found more; split the workbook")
            self.row_number = 0
        elif not self.table:
            return
        elif name == "table:table-row":
            self.row, self.column = [], 0
            self.row_repeated = _count(attributes, "number-rows-repeated")
        elif name in CELLS and self.row is not None:
            self.cell, self.paragraphs, self.length = attributes, [], 0
        elif self.cell is not None:
            self.start_text(name, attributes)

    def start_text(self, name: str, attributes: dict[str, str]) -> None:
        if name in ("text:p", "text:h"):
            self.parts = []
        elif name == "text:s":
            self.characters(" " * min(_number(attributes.get(f"{_LONG[TEXT]} c", "1")), LONGEST_TEXT))
        elif name == "text:tab":
            self.characters("\t")
        elif name == "text:line-break":
            self.characters("\n")

    def characters(self, data: str) -> None:
        if self.parts is None or self.ignored:
            return
        self.length += len(data)
        if self.length > LONGEST_TEXT:
            raise WorkbookRejected(f"expected cells of at most {LONGEST_TEXT} characters, found a longer one; split it")
        self.parts.append(data)

    def end(self, qualified: str) -> None:
        name = _short(qualified)
        if self.ignored:
            self.ignored_depth -= name == self.ignored
            if not self.ignored_depth:
                self.ignored = ""
        elif name in ("text:p", "text:h") and self.parts is not None:
            self.paragraphs.append("".join(self.parts))
            self.parts = None
        elif name in CELLS and self.cell is not None:
            self.end_cell()
        elif name == "table:table-row" and self.row is not None:
            self.end_row()
        elif name == "table:table":
            self.table = None

    def end_cell(self) -> None:
        cell, self.cell = self.cell, None
        repeated = _count(cell, "number-columns-repeated")
        down, right = _count(cell, "number-rows-spanned"), _count(cell, "number-columns-spanned")
        if down > 1 or right > 1:
            top, left = self.row_number, self.column
            self.table.ranges.append(((top, left), (top + down - 1, left + right - 1)))
        self.row.append((_value(cell, "\n".join(self.paragraphs)), repeated))
        self.column += repeated

    def end_row(self) -> None:
        while self.row and not self.row[-1][0]:
            self.row.pop()
        if self.row:
            rows, width = self.row_number + self.row_repeated, sum(repeated for _, repeated in self.row)
            self.cells += width * self.row_repeated
            if self.cells > MAX_CELLS or rows > MAX_CELLS:
                raise WorkbookRejected(
                    f"expected at most {MAX_CELLS} cells, found row {rows} of {width} columns in the sheet {self.table.name}; "
                    "delete what stands far below or right of the table"
                )
            self.table.rows += ([] for _ in range(self.row_number - len(self.table.rows)))
            cells = [value for value, repeated in self.row for _ in range(repeated)]
            self.table.rows += (list(cells) for _ in range(self.row_repeated))
        self.row_number += self.row_repeated
        self.row = None


_LONG = {short: long for long, short in NAMESPACES.items()}


def _short(qualified: str) -> str:
    space, _, name = qualified.rpartition(" ")
    return f"{NAMESPACES.get(space, '?')}:{name}"


def _number(digits: str) -> int:
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 1


def _count(attributes: dict[str, str], name: str) -> int:
    return max(1, _number(attributes.get(f"{_LONG[TABLE]} {name}", "1")))


def _value(cell: dict[str, str], shown: str) -> str:
    """A cell as text: its typed value where it has one, else what it shows."""
    kind = cell.get(f"{_LONG[OFFICE]} value-type")
    if cell.get(f"{_LONG[CALC]} value-type") == "error":
        return shown or "#ERROR"
    if kind in ("float", "percentage", "currency"):
        return text(float(cell[f"{_LONG[OFFICE]} value"]))
    if kind == "boolean":
        return text(cell.get(f"{_LONG[OFFICE]} boolean-value") == "true")
    if kind == "date":
        return _date(cell[f"{_LONG[OFFICE]} date-value"])
    if kind == "time":
        return _duration(cell[f"{_LONG[OFFICE]} time-value"])
    if kind == "string":
        return shown or cell.get(f"{_LONG[OFFICE]} string-value", "")
    formula = cell.get(f"{_LONG[TABLE]} formula")
    return shown or (formula.partition(":")[2] or formula if formula else "")


def _date(value: str) -> str:
    try:
        return text(datetime.datetime.fromisoformat(value))
    except ValueError:
        return value


def _duration(value: str) -> str:
    match = DURATION.match(value)
    if not match:
        return value
    sign, *parts, fraction = match.groups()
    days, hours, minutes, seconds = (int(part or 0) for part in parts)
    length = datetime.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) + datetime.timedelta(
        seconds=float(f"0.{fraction or 0}")
    )
    return text(-length if sign else length)
