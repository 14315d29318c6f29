"""Reads the sheets of an Excel workbook into text, cell by cell, as a person sees them but in ISO form."""

from __future__ import annotations

import datetime
import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path

import duckdb
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from ingest.declaration import ColumnDeclaration, SourceDeclaration
from ingest.readers import header
from ingest.readers.parsed import FileRejected, Parsed
from ingest.readers.xlsx_package import MAX_CELLS, check
from ingest.sql import quoted

ROWS_AT_ONCE = 10_000
SHEET_STEP = 10_000_000
LONGEST_EXACT = 10**15


@dataclass(frozen=True)
class Sheet:
    """A sheet whose header was found. `position` counts the workbook's sheets from 1; `rows` begin at Excel's row 1."""

    name: str
    position: int
    rows: list[list[str]]
    header: header.Header
    match: header.Match
    filled: dict[str, str | None]

    @property
    def data(self) -> list[list[str]]:
        """The rows below the header."""
        return self.rows[self.header.first + self.header.rows :]


def read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    """Read the declared sheets of a landed workbook into the temporary table `parsed`, all cells as text.

    `_row_no` is Excel's row number when one sheet is read; with several, the position of the sheet in the workbook × 10 000 000
    goes before it (row 15 of the second sheet: 20000015).

    Args: connection: to DuckDB. source: the declaration. path: the landed bytes.
    Returns: Parsed. Raises: FileRejected when the file is no workbook, is locked, unsafe or too large, or a sheet or its header
    is not as declared.
    """
    sheets = [_sheet(source, name, position, rows) for name, position, rows in _sheets(source, path)]
    layouts = {sheet.match.layout: sheet.name for sheet in sheets}
    if len(layouts) > 1:
        raise FileRejected(
            "expected all sheets in one layout, found "
            + ", ".join(f"{layout} in the sheet {name}" for layout, name in layouts.items())
        )
    columns = {column.name: column for sheet in sheets for column in sheet.match.by_position.values()}
    columns |= {column.name: column for column in source.columns if column.name in source.format.filled}
    _store(connection, sheets, columns)
    return Parsed(
        layout=sheets[0].match.layout,
        rows_in=sum(len(sheet.rows) - sheet.header.rows for sheet in sheets),
        columns=columns,
        missing=[column for column in source.columns if column.name not in columns],
        undeclared=list(dict.fromkeys(text for sheet in sheets for text in sheet.match.undeclared)),
        rejected=[],
        row_no="_row_no",
        where="_where",
        rows_skipped=sum(sheet.header.first for sheet in sheets),
        filled=set(source.format.filled),
        headers={name: text for sheet in reversed(sheets) for name, text in sheet.match.headers.items()},
    )


def _sheets(source: SourceDeclaration, path: Path) -> Iterator[tuple[str, int, list[list[str]]]]:
    """The declared sheets: name, position in the workbook, rows of text from row 1 on."""
    odd_cells = check(path)
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            positions = {sheet.name: position for position, sheet in enumerate(workbook.sheets_metadata, start=1)}
            for sheet in _chosen(source, workbook):
                yield sheet.name, positions[sheet.name], _rows(sheet, odd_cells.get(sheet.name, {}))
    except CalamineError as error:
        raise FileRejected(
            f"expected an Excel workbook (.xlsx) that can be opened, found: {error}; open the file in Excel and save it again "
            "as .xlsx without a password"
        ) from error


def _chosen(source: SourceDeclaration, workbook: CalamineWorkbook) -> list[CalamineSheet]:
    """The sheets to read. A name takes a hidden sheet too; a pattern takes those that a person sees."""
    declared = source.format.sheet
    everything = [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    if declared in everything:
        return [workbook.get_sheet_by_name(declared)]
    names = [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.name in everything
        and sheet.visible == SheetVisibleEnum.Visible
        and fnmatch.fnmatchcase(sheet.name, declared or "*")
        and not any(fnmatch.fnmatchcase(sheet.name, pattern) for pattern in source.format.skip_sheets)
    ]
    chosen = [sheet for sheet in map(workbook.get_sheet_by_name, names) if sheet.end is not None]
    if not chosen:
        raise FileRejected(
            f"expected a sheet {declared or 'with rows'}, found the sheets {', '.join(everything)}; ask the producer for the "
            f"sheet, or declare its name under format.sheet in {header.declaration_file(source)}"
        )
    if declared is None and len(chosen) > 1:
        raise FileRejected(
            f"expected one sheet with rows, found {', '.join(sheet.name for sheet in chosen)}; declare under format.sheet in "
            f'{header.declaration_file(source)} which ones hold the rows ("*": all)'
        )
    return chosen


def _rows(sheet: CalamineSheet, odd_cells: dict[tuple[int, int], str]) -> list[list[str]]:
    """The cells of a sheet as text. The value of a merged range stands in each of its cells."""
    rows = [[cell if type(cell) is str else _text(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    for (row, column), text in odd_cells.items():
        while len(rows) <= row:
            rows.append([])
        rows[row] += [""] * (column + 1 - len(rows[row]))
        rows[row][column] = text
    filled = 0
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        if top >= len(rows) or left >= len(rows[top]) or not rows[top][left]:
            continue
        for row in rows[top : bottom + 1]:
            row[left : right + 1] = [rows[top][left]] * (min(right + 1, len(row)) - left)
            filled += right + 1 - left
        if filled > MAX_CELLS:
            raise FileRejected(f"expected at most {MAX_CELLS} merged cells in the sheet {sheet.name}, found more; unmerge them")
    return rows


def _text(value: object) -> str:
    """A cell as text: dates in ISO form, numbers with the 15 digits that Excel shows, no `.0`."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < LONGEST_EXACT:
            return str(int(value))
        text = format(value, ".15g")
        return format(Decimal(text), "f") if "e" in text else text
    if isinstance(value, datetime.datetime):
        rounded_up = value.microsecond >= 500_000 and value.year < datetime.MAXYEAR
        value = value.replace(microsecond=0) + datetime.timedelta(seconds=rounded_up)
        return str(value.date() if value.time() == datetime.time() else value)
    if isinstance(value, datetime.time):
        return value.strftime("%H:%M:%S")
    if isinstance(value, datetime.timedelta):
        seconds = round(value.total_seconds())
        sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
        return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return str(value)


def _sheet(source: SourceDeclaration, name: str, position: int, rows: list[list[str]]) -> Sheet:
    where = f" in the sheet {name}"
    found = header.find(rows, source, where)
    names = list(found.names)
    while names and not names[-1].strip() and not any(len(row) >= len(names) and row[len(names) - 1] for row in rows):
        names.pop()
    match = header.match(names, source, where)
    filled = header.told_above(rows[: found.first], source, where)
    if source.format.sheet_as:
        filled[source.format.sheet_as] = name
    return Sheet(name, position, rows, found, match, filled)


def _store(connection: duckdb.DuckDBPyConnection, sheets: list[Sheet], columns: dict[str, ColumnDeclaration]) -> None:
    kept = [name for name, column in columns.items() if not column.is_dropped]
    connection.execute(
        f"create or replace temp table parsed ({', '.join(f'{quoted(name)} varchar' for name in kept)}, _row_no bigint, "
        "_where varchar)"
    )
    for sheet in sheets:
        position_of = {column.name: position for position, column in sheet.match.by_position.items()}
        first = sheet.header.first + sheet.header.rows + 1
        before, where = (sheet.position * SHEET_STEP, sheet.name) if len(sheets) > 1 else (0, None)
        rows = iter(sheet.data)
        while part := list(islice(rows, ROWS_AT_ONCE)):
            values = [
                [row[position_of[name]] or None if position_of[name] < len(row) else None for row in part]
                if name in position_of
                else [sheet.filled.get(name)] * len(part)
                for name in kept
            ]
            numbers = range(before + first, before + first + len(part))
            places = [where and f"row {number - before} of the sheet {where}" for number in numbers]
            connection.execute(
                f"insert into parsed select {', '.join(['unnest(?::varchar[])'] * len(kept))}{', ' if kept else ''}"
                "unnest(?::bigint[]), unnest(?::varchar[])",
                [*values, list(numbers), places],
            )
            first += len(part)
