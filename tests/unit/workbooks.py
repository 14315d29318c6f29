"""Writes the same ledger as .xlsx, .xls and .ods, each with a library of its own, or through LibreOffice."""

from __future__ import annotations

import atexit
import datetime
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
import xlwt
from odf.opendocument import OpenDocumentSpreadsheet
from odf.style import Style, TableProperties
from odf.table import CoveredTableCell, Table, TableCell, TableRow
from odf.text import P
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

FORMS = ("xlsx", "xls", "ods")
MADE_BY_LIBREOFFICE = ("xlsx by LibreOffice", "xls by LibreOffice", "ods by LibreOffice")
XLS_ERRORS = {"#N/A": 0x2A, "#REF!": 0x17}
FORMATS = {
    datetime.date: "yyyy-mm-dd", datetime.datetime: "yyyy-mm-dd hh:mm:ss", datetime.time: "hh:mm:ss",
    datetime.timedelta: "[h]:mm:ss",
}  # fmt: skip


class Percent(float):
    """A number shown in percent."""


class Error(str):
    """An error such as #REF!."""


@dataclass
class Book:
    """Sheets of rows; `merged` are ranges (top, left, bottom, right) from 0; hidden sheets by name."""

    sheets: dict[str, list[list]]
    merged: dict[str, list[tuple[int, int, int, int]]] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    from_1904: bool = False


def write(book: Book, form: str, folder: Path) -> Path:
    """Write a book in one of FORMS or MADE_BY_LIBREOFFICE. Returns its path."""
    form, _, program = form.partition(" by ")
    path = folder / f"ledger.{'xlsx' if program else form}"
    {"xlsx": _xlsx, "xls": _xls, "ods": _ods}[path.suffix[1:]](book, path)
    return convert(path, form) if program else path


def convert(path: Path, form: str) -> Path:
    """What LibreOffice makes of a file. Skips the test where it is not installed."""
    if not shutil.which("soffice"):
        pytest.skip("LibreOffice (soffice) is not installed")
    folder = path.parent / "converted"
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{_profile()}", "--headless", "--convert-to", form, "--outdir", folder, path],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return folder / f"{path.stem}.{form}"


@cache
def _profile() -> str:
    """A profile of LibreOffice for this run of the tests: making one takes it longer than converting a file."""
    folder = tempfile.TemporaryDirectory(prefix="libreoffice-")
    atexit.register(folder.cleanup)
    return folder.name


def _xlsx(book: Book, path: Path) -> None:
    workbook = Workbook()
    workbook.remove(workbook.active)
    if book.from_1904:
        workbook.epoch = CALENDAR_MAC_1904
    for name, rows in book.sheets.items():
        sheet = workbook.create_sheet(name)
        for r, row in enumerate(rows, start=1):
            for c, value in enumerate(row, start=1):
                cell = sheet.cell(r, c, str(value) if isinstance(value, Error) else value)
                if isinstance(value, Error):
                    cell.data_type = "e"
                if isinstance(value, Percent):
                    cell.number_format = "0%"
        for top, left, bottom, right in book.merged.get(name, ()):
            sheet.merge_cells(start_row=top + 1, start_column=left + 1, end_row=bottom + 1, end_column=right + 1)
        if name in book.hidden:
            sheet.sheet_state = "hidden"
    workbook.save(path)


def _xls(book: Book, path: Path) -> None:
    workbook = xlwt.Workbook()
    workbook.dates_1904 = book.from_1904
    for name, rows in book.sheets.items():
        sheet = workbook.add_sheet(name)
        sheet.visibility = name in book.hidden
        tops = {(top, left): (bottom, right) for top, left, bottom, right in book.merged.get(name, ())}
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                style = xlwt.Style.default_style
                if (found := "0%" if isinstance(value, Percent) else FORMATS.get(type(value))) is not None:
                    style = xlwt.easyxf(num_format_str=found)
                if isinstance(value, datetime.timedelta):
                    value = value / datetime.timedelta(days=1)
                if isinstance(value, Error):
                    sheet.row(r).set_cell_error(c, XLS_ERRORS[value])
                elif (r, c) in tops:
                    sheet.write_merge(r, tops[r, c][0], c, tops[r, c][1], value, style)
                elif value is not None:
                    sheet.write(r, c, float(value) if isinstance(value, Percent) else value, style)
    workbook.save(str(path))


def _ods(book: Book, path: Path) -> None:
    document = OpenDocumentSpreadsheet()
    hidden = Style(name="hidden", family="table")
    hidden.addElement(TableProperties(display="false"))
    document.automaticstyles.addElement(hidden)
    for name, rows in book.sheets.items():
        table = Table(name=name, **({"stylename": hidden} if name in book.hidden else {}))
        ranges = book.merged.get(name, ())
        covered = {
            (r, c) for top, left, bottom, right in ranges for r in range(top, bottom + 1) for c in range(left, right + 1)
        } - {(top, left) for top, left, _, _ in ranges}
        spans = {(top, left): (bottom - top + 1, right - left + 1) for top, left, bottom, right in ranges}
        for r, row in enumerate(rows):
            line = TableRow()
            for c, value in enumerate(row):
                line.addElement(CoveredTableCell() if (r, c) in covered else _ods_cell(value, spans.get((r, c))))
            table.addElement(line)
        document.spreadsheet.addElement(table)
    document.save(str(path))


def _ods_cell(value: object, span: tuple[int, int] | None) -> TableCell:
    spanned = {"numberrowsspanned": span[0], "numbercolumnsspanned": span[1]} if span else {}
    hours = value // datetime.timedelta(hours=1) if isinstance(value, datetime.timedelta) else 0
    kinds = {
        bool: ("boolean", {"booleanvalue": str(value).lower()}),
        Percent: ("percentage", {"value": value}),
        datetime.date: ("date", {"datevalue": str(value)}),
        datetime.datetime: ("date", {"datevalue": str(value).replace(" ", "T")}),
        datetime.time: ("time", {"timevalue": f"{value:PT%HH%MM%SS}" if isinstance(value, datetime.time) else ""}),
        datetime.timedelta: ("time", {"timevalue": f"PT{hours}H00M00S"}),
        int: ("float", {"value": value}),
        float: ("float", {"value": value}),
        str: ("string", {}),
        Error: ("float", {"value": 0}),
    }
    if value is None:
        return TableCell(**spanned)
    kind, more = kinds[type(value)]
    cell = TableCell(valuetype=kind, **more, **spanned)
    if isinstance(value, Error):
        cell.setAttrNS("urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0", "value-type", "error")
    for line in str(value).split("\n"):
        cell.addElement(P(text=line))
    return cell
