"""Reads the sheets of a workbook (.xlsx, .xls, .ods): a child process turns them into text, DuckDB reads that."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

import ingest
from ingest.content import content_of
from ingest.declaration import ColumnDeclaration, SourceDeclaration
from ingest.readers import header
from ingest.readers.parsed import FileRejected, Parsed
from ingest.sql import literal, quoted
from ingest.warehouse import scratch

SHEET_STEP = 10_000_000
MOST_ROWS = 1 << 20
SHORTEST_LINE_LIMIT = 2 << 20
BYTES_PER_CHARACTER = 4


@dataclass(frozen=True)
class Sheet:
    """A sheet whose header was found. `position` counts the workbook's sheets from 1; `path` holds its rows as CSV, the number
    of the row before its cells; `rows` are all of the sheet, `width` the cells of the longest, `longest` its characters."""

    name: str
    position: int
    path: str
    rows: int
    width: int
    longest: int
    header: header.Header
    match: header.Match
    filled: dict[str, str | None]


def read(connection: duckdb.DuckDBPyConnection, source: SourceDeclaration, path: Path) -> Parsed:
    """Read the declared sheets of a landed workbook into the temporary table `parsed`, all cells as text.

    `_row_no` is the row number in the sheet when one sheet is read; with several, the position of the sheet in the workbook ×
    10 000 000 goes before it (row 15 of the second sheet: 20000015).

    Args: connection: to DuckDB. source: the declaration. path: the landed bytes.
    Returns: Parsed. Raises: FileRejected when the file is no workbook, is locked, unsafe or too large, or a sheet or its header
    is not as declared.
    """
    with scratch() as folder:
        sheets = [_sheet(source, found) for found in _sheets(source, path, folder)]
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
        rows_in=sum(sheet.rows - sheet.header.rows for sheet in sheets),
        columns=columns,
        undeclared=list(dict.fromkeys(text for sheet in sheets for text in sheet.match.undeclared)),
        rejected=[],
        row_no="_row_no",
        where="_where",
        rows_skipped=sum(sheet.header.first for sheet in sheets),
        filled=set(source.format.filled),
        headers={name: text for sheet in reversed(sheets) for name, text in sheet.match.headers.items()},
    )


def _sheets(source: SourceDeclaration, path: Path, folder: Path) -> list[dict]:
    """What the child process wrote of each sheet to read. Raises: FileRejected with what is wrong with the workbook."""
    declared, kind = source.format.sheet, content_of(path).kind
    request = {
        "path": str(path), "kind": kind, "folder": str(folder), "sheet": declared, "skip_sheets": source.format.skip_sheets,
        "parent": os.getpid(),
    }  # fmt: skip
    places = [str(Path(ingest.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    child = subprocess.run(
        [sys.executable, "-P", "-m", "ingest.workbooks"],
        input=json.dumps(request), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8",
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))},
    )  # fmt: skip
    try:
        answer = json.loads(child.stdout)
    except ValueError:
        raise FileRejected(
            f"expected a workbook (.{kind}) that can be read with 3 GB of memory in 15 minutes, found one that broke off "
            f"({_ending(child.returncode)}); it is damaged, or too large: split it, or save it as CSV"
        ) from None
    if "error" in answer:
        raise OSError(*answer["error"])
    if "rejected" in answer:
        raise FileRejected(answer["rejected"])
    found = [sheet for sheet in answer["read"] if sheet["rows"]]
    if not found:
        raise FileRejected(
            f"expected a sheet {declared or 'with rows'}, found the sheets {', '.join(answer['sheets'])}; ask the producer for "
            f"the sheet, or declare its name under format.sheet in {header.declaration_file(source)}"
        )
    if declared is None and len(found) > 1:
        raise FileRejected(
            f"expected one sheet with rows, found {', '.join(sheet['name'] for sheet in found)}; declare under format.sheet in "
            f'{header.declaration_file(source)} which ones hold the rows ("*": all)'
        )
    return found


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"


def _sheet(source: SourceDeclaration, found: dict) -> Sheet:
    where = f" in the sheet {found['name']}"
    wanted = header.SEARCHED_ROWS if source.format.header_row == "auto" else source.format.header_row
    with open(found["path"], encoding="utf-8", newline="") as file:
        csv.field_size_limit(max(csv.field_size_limit(), found["longest"] + 1))
        first_rows = [cells[1:] for cells in islice(csv.reader(file), wanted + source.format.header_rows - 1)]
    first_rows = [[*cells, *[""] * (found["width"] - len(cells))] for cells in first_rows]
    at = header.find(first_rows, source, where)
    match = header.match(at.names, source, where)
    filled = header.told_above(first_rows[: at.first], source, where)
    if source.format.sheet_as:
        filled[source.format.sheet_as] = found["name"]
    return Sheet(**found, header=at, match=match, filled=filled)


def _store(connection: duckdb.DuckDBPyConnection, sheets: list[Sheet], columns: dict[str, ColumnDeclaration]) -> None:
    kept = [name for name, column in columns.items() if not column.is_dropped]
    connection.execute(
        f"create or replace temp table parsed ({', '.join(f'{quoted(name)} varchar' for name in kept)}, _row_no bigint, "
        "_where varchar)"
    )
    for sheet in sheets:
        cell_of = {column.name: f"nullif(cell_{position}, '')" for position, column in sheet.match.by_position.items()}
        values = [cell_of.get(name) or _literal(sheet.filled.get(name)) for name in kept]
        before = sheet.position * SHEET_STEP if len(sheets) > 1 else 0
        where = f"'row ' || row_no || {literal(f' of the sheet {sheet.name}')}" if before else "null"
        cells = {"row_no": "bigint"} | {f"cell_{position}": "varchar" for position in range(sheet.width)}
        connection.execute(
            f"""
            insert into parsed select {", ".join([*values, f"row_no + {before}", where])}
            from read_csv(?, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', columns = ?,
                null_padding = true, parallel = false, new_line = '\\n', max_line_size = ?)
            where row_no > ?
            """,
            [
                sheet.path, cells, max(SHORTEST_LINE_LIMIT, sheet.longest * BYTES_PER_CHARACTER),
                sheet.header.first + sheet.header.rows,
            ],
        )  # fmt: skip


def _literal(text: str | None) -> str:
    return "null" if text is None else literal(text)
