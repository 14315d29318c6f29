"""Finds the header of a table of cells and matches it with the declared columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.declaration import ColumnDeclaration, SourceDeclaration, declarations
from ingest.readers.parsed import FileRejected

SEARCHED_ROWS = 50
UNIT_NOTE = re.compile(r"(?:^|[\s(,;])(?:金额|计量|货币)?单位\s*:\s*([^\s(),;]+)")


@dataclass(frozen=True)
class Match:
    """How a file's header fits the declaration: column by position, the headers that are not declared, and the header of each
    column as it was found."""

    layout: str
    by_position: dict[int, ColumnDeclaration]
    undeclared: list[str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Header:
    """Where the header of a table lies. `first` counts rows from 0; data begin at `first + rows`."""

    first: int
    rows: int
    names: list[str]


def normalised_header(text: str) -> str:
    """Headers are compared in NFKC, without spaces, in lower case: `金额（元）` and `金额(元)` are one."""
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()


def find(rows: Sequence[Sequence[str]], source: SourceDeclaration, where: str = "", fill_right: bool = False) -> Header:
    """Find the header among the first rows of a table, as `header_row` and `header_rows` declare.

    `auto` takes the row (or pair of rows) with the most declared headers, the first of equals.
    Args: rows: the first rows of the table, cells as text. where: the sheet, for the message. fill_right: a
    category also stands above the columns to its right that have none (text has no merged cells).
    Returns: Header. Raises: FileRejected when no row has a declared header, or the declared row does not exist.
    """
    declared, height = _declared(source), source.format.header_rows
    if source.format.header_row != "auto":
        first = source.format.header_row - 1
        if first + height > len(rows):
            raise FileRejected(f"expected the header in row {first + height}{where}, found {len(rows)} rows")
        return Header(first, height, _names(rows[first : first + height], declared, fill_right))
    candidates = [
        Header(first, height, _names(rows[first : first + height], declared, fill_right))
        for first in range(min(SEARCHED_ROWS, len(rows) - height + 1))
    ]
    best = max(candidates, key=lambda header: _score(header, declared), default=None)
    if best is None or not _score(best, declared):
        raise FileRejected(
            f"expected a row with the columns {expected_headers(source)} among the first {SEARCHED_ROWS} rows{where}, found "
            f"none; ask the producer for the header, or declare its names in {declaration_file(source)}"
        )
    return best


def _declared(source: SourceDeclaration) -> set[str]:
    return {normalised_header(text) for column in source.columns_in_files for text in column.headers}


def _score(header: Header, declared: set[str]) -> int:
    return len({normalised_header(name) for name in header.names} & declared)


def _names(rows: Sequence[Sequence[str]], declared: set[str], fill_right: bool) -> list[str]:
    """The names of the columns. A name below a category is `category/name`, or the name alone when only that is declared and
    no other column of the table bears it."""
    if len(rows) == 1:
        return list(rows[0])
    width = max(map(len, rows))
    upper, lower = ([*row, *[""] * (width - len(row))] for row in rows)
    if fill_right:
        for i in range(1, width):
            upper[i] = upper[i] or (upper[i - 1] if lower[i].strip() else "")
    lower_names = [normalised_header(text or above) for above, text in zip(upper, lower, strict=True)]
    names = []
    for above, below, alone in zip(upper, lower, lower_names, strict=True):
        if not above.strip() or not below.strip() or normalised_header(above) == normalised_header(below):
            names.append(below if below.strip() else above)
        elif alone in declared and lower_names.count(alone) == 1 and normalised_header(f"{above}/{below}") not in declared:
            names.append(below)
        else:
            names.append(f"{above}/{below}")
    return names


def told_above(rows: Sequence[Sequence[str]], source: SourceDeclaration, where: str = "") -> dict[str, str | None]:
    """What the rows above the header tell of all rows below: the unit (`单位：万元`), and what the patterns of `title_as` find.

    Args: rows: those above the header. where: the sheet, for the message. Returns: column → text, None when nothing tells it.
    Raises: FileRejected when the declared column is required and nothing tells it.
    """
    form = source.format
    patterns = {name: re.compile(pattern) for name, pattern in form.title_as.items()}
    if form.unit_note_as:
        patterns[form.unit_note_as] = UNIT_NOTE
    cells = [unicodedata.normalize("NFKC", cell) for row in rows for cell in row]
    told = {name: next((found.group(1) for cell in cells if (found := p.search(cell))), None) for name, p in patterns.items()}
    for column in source.columns:
        if column.required and column.name in told and told[column.name] is None:
            example = "a note such as 单位：万元" if column.name == form.unit_note_as else f"a cell with {form.title_as[column.name]}"
            raise FileRejected(
                f"expected {example} above the header{where}, found none; ask the producer for it, or declare the column "
                f"{column.name} with required: false"
            )
    return told


def by_order(width: int, first_row: Sequence[str], source: SourceDeclaration) -> Match:
    """The columns of a table without a header: the declared ones, in their order.

    Args: width: the number of columns of the table. first_row: its first row. Returns: Match. Raises: FileRejected when there
    are more or fewer columns than declared, or the first row is a header after all.
    """
    columns = source.columns_in_files
    if {normalised_header(cell) for cell in first_row} & _declared(source):
        raise FileRejected(f"expected rows without a header, found one: {', '.join(first_row)}; declare header_row: 1")
    if width != len(columns):
        raise FileRejected(
            f"expected {len(columns)} columns ({expected_headers(source)}), as declared for a file without a header, found "
            f"{width} in the first row; ask the producer for the columns, or declare them in {declaration_file(source)}"
        )
    layout = next(iter(source.layouts), "default")
    return Match(layout, dict(enumerate(columns)), [], {column.name: column.headers[0] for column in columns})


def match(header: Sequence[str], source: SourceDeclaration, where: str = "") -> Match:
    """Match a file's header with the declaration.

    Args: header: the names in the file. where: the sheet, for the message.
    Returns: Match. Raises: FileRejected when a name stands twice, a required column or every layout is missing, or undeclared
    columns block.
    """
    found = [normalised_header(text) for text in header]
    doubled = sorted({text for text in found if text and found.count(text) > 1})
    if doubled:
        raise FileRejected(
            f"expected each header once{where}, found more than one of: {', '.join(doubled)}; ask the producer to name "
            "the columns apart"
        )
    column_by_header = {normalised_header(text): column for column in source.columns_in_files for text in column.headers}
    by_position = {i: column_by_header[text] for i, text in enumerate(found) if text in column_by_header}
    matched = {column.name for column in by_position.values()}
    missing = [column for column in source.columns_in_files if column.required and column.name not in matched]
    layout = next(
        (name for name, layout in source.layouts.items() if {normalised_header(mark) for mark in layout.headers} <= set(found)),
        None if source.layouts else "default",
    )
    if missing or layout is None:
        raise FileRejected(_message(header, source, missing, where))
    undeclared = [text for i, text in enumerate(header) if i not in by_position]
    if undeclared and source.drift == "block":
        raise FileRejected(
            f"expected only declared columns{where}, found also: {', '.join(undeclared)}; declare them in "
            f"{declaration_file(source)}"
        )
    return Match(layout, by_position, undeclared, {column.name: header[i].strip() for i, column in by_position.items()})


def expected_headers(source: SourceDeclaration) -> str:
    """The headers that a file of the source must have, in words."""
    return ", ".join(column.headers[0] for column in source.columns_in_files if column.required)


def declaration_file(source: SourceDeclaration) -> str:
    """Where the declaration lies, for messages."""
    return f"{source.folder.name}/_{source.name}__sources.yml"


def _message(header: Sequence[str], source: SourceDeclaration, missing: list[ColumnDeclaration], where: str) -> str:
    what = (
        "missing: " + ", ".join(" or ".join(column.headers) for column in missing)
        if missing
        else "no layout has these columns; declared layouts: "
        + "; ".join(f"{name}: {', '.join(layout.headers)}" for name, layout in source.layouts.items())
    )
    found = set(map(normalised_header, header))
    other = [
        candidate.name
        for candidate in declarations()
        if candidate.name != source.name
        and {normalised_header(column.headers[0]) for column in candidate.columns_in_files if column.required} <= found
        and any(column.required for column in candidate.columns_in_files)
    ]
    hint = (
        f"; this looks like a file of the source {other[0]}: move it to that folder"
        if other
        else f"; ask the producer for the column, or declare its new name in {declaration_file(source)}"
    )
    return f"expected the columns {expected_headers(source)}{where}; found {', '.join(header) or 'none'}; {what}{hint}"
