"""The child process that reads a workbook: `python -m ingest.workbooks`, a JSON request on standard input, a JSON answer on
standard output. A library that gives up its process on hostile bytes ends this one only."""

from __future__ import annotations

import csv
import errno
import fnmatch
import json
import resource
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from ingest.tethered import tie
from ingest.workbooks import MAX_SHEETS, WorkbookRejected, cells, ods, xls, xlsx

MEMORY_BYTES = 3 << 30
SECONDS = 900
WRITTEN_BYTES = 4 << 30
CHECKS = {"xls": xls.check, "xlsx": xlsx.check}


def main() -> None:
    """Read what the request asks for; answer with the sheets that were written, or with what is wrong with the workbook."""
    request = json.load(sys.stdin)
    tie(request["parent"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN_BYTES, WRITTEN_BYTES))
    kind = request["kind"]
    try:
        answer = (_document if kind == "ods" else _excel)(request)
    except WorkbookRejected as error:
        answer = {"rejected": str(error)}
    except PasswordError:
        answer = {"rejected": "expected a workbook without a password, found one that is locked; save it again without"}
    except MemoryError:
        answer = {"rejected": f"expected a workbook that takes at most {MEMORY_BYTES >> 20} MB to read, found more; split it"}
    except OSError as error:
        # A full disk is nothing that is wrong with the workbook.
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        rejected = {"rejected": f"the workbook could not be read: {error}; when it is sound, split it"}
        answer = {"error": [error.errno, error.strerror, request["folder"]]} if is_full else rejected
    except BaseException as error:  # calamine panics with one that is no Exception; bytes can be wrong in any way
        words = str(error) if isinstance(error, CalamineError) else f"{type(error).__name__}: {error}"
        answer = {
            "rejected": f"expected a workbook (.{kind}) that can be opened, found a damaged one ({words[:300]}); open it in a "
            "spreadsheet program and save it again, or ask for it again"
        }
    json.dump(answer, sys.stdout)


def chosen(sheets: list[tuple[str, bool]], sheet: str | None, skip_sheets: list[str]) -> list[int]:
    """Which sheets to read. A name takes a hidden sheet too; a pattern takes those that a person sees.

    Args: sheets: (name, is visible). sheet: a name or a glob, None for all. skip_sheets: globs of others.
    Returns: positions from 0.
    """
    by_name = [position for position, (name, _) in enumerate(sheets) if name == sheet]
    return by_name[:1] or [
        position
        for position, (name, is_visible) in enumerate(sheets)
        if is_visible
        and fnmatch.fnmatchcase(name, sheet or "*")
        and not any(fnmatch.fnmatchcase(name, pattern) for pattern in skip_sheets)
    ]


def _excel(request: dict) -> dict:
    odd_cells = CHECKS[request["kind"]](Path(request["path"]))
    # From a file, not from a path: there calamine believes the ending of the name.
    with open(request["path"], "rb") as file, CalamineWorkbook.from_filelike(file) as workbook:
        if len(workbook.sheets_metadata) > MAX_SHEETS:
            found = len(workbook.sheets_metadata)
            raise WorkbookRejected(f"expected at most {MAX_SHEETS} sheets, found {found}; split the workbook")
        sheets = [
            (sheet.name, sheet.visible == SheetVisibleEnum.Visible, sheet.typ == SheetTypeEnum.WorkSheet)
            for sheet in workbook.sheets_metadata
        ]
        tables = [position for position, (_, _, is_table) in enumerate(sheets) if is_table]
        read = []
        for number in chosen([sheets[position][:2] for position in tables], request["sheet"], request["skip_sheets"]):
            position = tables[number]
            sheet = workbook.get_sheet_by_index(position)
            rows = _with_odd_cells(_rows(sheet), odd_cells.get(position, {}))
            width = max([sheet.end[1] + 1 if sheet.end else 0, *(column + 1 for _, column in odd_cells.get(position, {}))])
            rows = cells.merged(rows, sheet.merged_cell_ranges or [], width, sheet.name)
            read.append(_write(request, sheet.name, position, rows))
    return {"sheets": [sheets[position][0] for position in tables], "read": read}


def _document(request: dict) -> dict:
    tables = ods.read(Path(request["path"]))
    sheets = [(table.name, table.is_visible) for table in tables]
    read = []
    for position in chosen(sheets, request["sheet"], request["skip_sheets"]):
        table = tables[position]
        rows = cells.merged(table.rows, table.ranges, max(map(len, table.rows), default=0), table.name)
        read.append(_write(request, table.name, position, rows))
    return {"sheets": [table.name for table in tables], "read": read}


def _rows(sheet: CalamineSheet) -> Iterator[list[str]]:
    if sheet.end is None:
        return
    left = [""] * sheet.start[1]
    for row in sheet.iter_rows():
        yield left + [cell if type(cell) is str else cells.text(cell) for cell in row]


def _with_odd_cells(rows: Iterator[list[str]], odd_cells: dict[tuple[int, int], str]) -> Iterator[list[str]]:
    """The rows with the text of cells that calamine leaves empty, also beyond the last row that it tells of."""
    by_row = {}
    for (row, column), text in odd_cells.items():
        by_row.setdefault(row, []).append((column, text))
    blank = ([] for _ in range(max(by_row, default=-1) + 1))
    for number, (row, _) in enumerate(zip_longest(rows, blank)):
        row = row or []
        for column, text in by_row.get(number, ()):
            row += [""] * (column + 1 - len(row))
            row[column] = text
        yield row


def _write(request: dict, name: str, position: int, rows: Iterator[list[str]]) -> dict:
    """Write a sheet as CSV, the number of the row before its cells. Returns what the parent must know of it."""
    path = Path(request["folder"]) / f"{position}.csv"
    count = width = longest = 0
    with open(path, "w", encoding="utf-8", errors="replace", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for count, row in enumerate(rows, start=1):
            while row and not row[-1]:
                row.pop()
            width = max(width, len(row))
            longest = max(longest, writer.writerow([count, *row]))
    return {"name": name, "position": position + 1, "path": str(path), "rows": count, "width": width, "longest": longest}


if __name__ == "__main__":
    main()
