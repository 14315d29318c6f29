"""Writes the raw files: the same rows give the same bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import xlsxwriter

Cell = str | int | float | date | None
CREATED = datetime(2026, 10, 1)


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook. `merged`: (first row, first column, last row, last column), from 0, both included; the value
    stands in the first cell."""

    name: str
    rows: Sequence[Sequence[Cell]]
    merged: Sequence[tuple[int, int, int, int]] = ()


def write_csv(
    path: Path, rows: Sequence[dict], blank_rows: int = 0, encoding: str = "utf-8", line_end: str = "\n"
) -> Path:
    """Write the rows as CSV under the keys of the first one, then that many rows of empty cells."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator=line_end)
    writer.writeheader()
    writer.writerows([*rows, *[{}] * blank_rows])
    return _write(path, text.getvalue().encode(encoding))


def write_json(path: Path, content: object, encoding: str = "utf-8", indent: int | None = 1) -> Path:
    """Write a JSON document; characters stand as they are. indent None: on one line."""
    return _write(path, json.dumps(content, ensure_ascii=False, indent=indent).encode(encoding))


def write_xlsx(path: Path, sheets: Sequence[Sheet]) -> Path:
    """Write a workbook. A date is written as Excel's day number in a date format."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        workbook.set_properties({"created": CREATED})
        day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        centred = workbook.add_format({"align": "center", "valign": "vcenter"})
        for sheet in sheets:
            worksheet = workbook.add_worksheet(sheet.name)
            for area in sheet.merged:
                worksheet.merge_range(*area, "", centred)
            for number, row in enumerate(sheet.rows):
                for position, value in enumerate(row):
                    if isinstance(value, date):
                        worksheet.write_datetime(number, position, value, day)
                    elif isinstance(value, str) and value:
                        worksheet.write_string(number, position, value)
                    elif value is not None and value != "":
                        worksheet.write_number(number, position, value)
    return _write(path, content.getvalue())


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
