"""Finds out how a file is laid out: kind, encoding, delimiter, header, sheets, place of the records. A person reviews it."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import duckdb
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from ingest.content import DECLARED_AS, content_of, marked_encoding
from ingest.declared.formats import Encoding
from ingest.readers.header import UNIT_NOTE, normalised_header
from ingest.readers.text import first_fault, reads_as_chinese
from ingest.workbooks import WorkbookRejected, ods, xls, xlsx

HEAD_BYTES = 1 << 20
LOOKED_AT_ROWS = 60
MAX_JSON_BYTES = 256 << 20
DELIMITERS = ",;\t|"
LEAST_ROWS_WITHOUT_HEADER = 2


class NotSniffed(ValueError):
    """A file whose layout cannot be told; the message names expected, found and what to do."""


class NoHeader(NotSniffed):
    """A table of which no row among the first ones holds the names of columns."""


@dataclass
class Layout:
    """How a file is laid out. `format`: as a declaration says it. `headers`: as in the file, unnamed columns left out.
    `reasons`: why, one sentence each. `review`: what a person should look at. `filled`: columns that the reader fills → their
    description."""

    format: dict[str, object]
    headers: list[str]
    reasons: list[str] = field(default_factory=list)
    review: list[str] = field(default_factory=list)
    filled: dict[str, str] = field(default_factory=dict)
    elsewhere: list[str] = field(default_factory=list)


def sniff(path: Path) -> Layout:
    """How a file is laid out, by its first bytes and rows (of a JSON document: by all of it).

    Args: path: a file of any kind. Returns: Layout.
    Raises: NotSniffed when it is empty, of a kind that no reader takes, has no header, or is too large to look through.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise NotSniffed(f"{path.name}: expected a header and rows, found an empty file; ask for the file again")
    found = content_of(path)
    if found.kind == "text":
        return _text(path, head)
    if found.kind == "parquet":
        return _parquet(path)
    if found.kind in UNSAFE:
        return _workbook(path, found.kind)
    what_to_do = DECLARED_AS.get(found.kind, "ask the producer for one of these")
    raise NotSniffed(f"{path.name}: expected a text table, JSON, a workbook or Parquet, found {found.words}; {what_to_do}")


def encoding_of(head: bytes) -> tuple[str, str]:
    """The encoding of a text by its first bytes, and why: as the reader finds it, else cp1252.

    Args: head: the first bytes. Returns: encoding, reason. Raises: NotSniffed.
    """
    if marked := marked_encoding(head):
        return marked, f"byte order mark of {marked.upper()}"
    fault = first_fault([head], "utf-8", is_whole=False)
    if fault is None:
        return "utf-8", "ASCII only" if head.isascii() else "every character is valid UTF-8"
    no_utf8 = f"no UTF-8 (byte 0x{head[fault]:02x})"
    if reads_as_chinese([head], is_whole=False):
        return "gb18030", f"{no_utf8}, and its characters are common Chinese ones in GB18030"
    fault = first_fault([head], "cp1252")
    if fault is None:
        return "cp1252", f"{no_utf8}, and no Chinese in GB18030: Western European, see whether accents look right"
    raise NotSniffed(
        f"expected text in UTF-8, UTF-16, GB18030 or cp1252, found the byte 0x{head[fault]:02x}; save it as UTF-8"
    )


def _text(path: Path, head: bytes) -> Layout:
    encoding, why = encoding_of(head)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head).lstrip("\ufeff")
    layout = Layout({}, [], [f"encoding {encoding}: {why}"])
    if text.lstrip()[:1] in ("{", "["):
        _json(path, encoding, text, layout)
    else:
        _csv(text, len(head) < HEAD_BYTES, layout)
        layout.format = {"type": "csv", **_declared_encoding(encoding), **layout.format}
    return layout


def _declared_encoding(encoding: str) -> dict[str, object]:
    """What a declaration says of an encoding: nothing of UTF-8, and of one that only a byte order mark tells."""
    return {"encoding": encoding} if encoding != "utf-8" and encoding in get_args(Encoding) else {}


# --- text with delimiters ---------------------------------------------------------------------------------------------------


def _csv(text: str, is_whole: bool, layout: Layout) -> None:
    lines = text.splitlines(keepends=True)
    lines = lines[: LOOKED_AT_ROWS * 20] if is_whole else lines[: LOOKED_AT_ROWS * 20][:-1] or lines
    if is_wrapped := _are_wrapped(lines):
        lines = [line.strip()[1:-1].replace('""', '"') + "\n" for line in lines]
        layout.reasons.append("every line stands in quotes as a whole")
    delimiter, quote, rows = _dialect("".join(lines))
    widths = Counter(len(row) for row in rows if row)
    layout.reasons.append(
        f"delimiter {delimiter!r}: {widths.most_common(1)[0][1]} of the first {sum(widths.values())} records have "
        f"{widths.most_common(1)[0][0]} fields"
    )
    if widths.most_common(1)[0][0] == 1:
        layout.review.append("only one column was found: is the delimiter one of , ; | or a tab?")
    layout.format = {"delimiter": delimiter} if delimiter != "," else {}
    if is_wrapped:
        layout.format["wrapped_lines"] = True
    if quote != '"':
        layout.format["quote"] = quote
        layout.reasons.append(f"quote {quote}: with it the records have as many fields as their header")
    try:
        _table(rows, layout, fill_right=True)
    except NoHeader:
        if len({len(row) for row in rows if row}) > 1 or len(rows) < LEAST_ROWS_WITHOUT_HEADER or len(rows[0]) == 1:
            raise
        layout.format["header_row"] = "none"
        layout.headers = [f"column_{number}" for number in range(1, len(rows[0]) + 1)]
        layout.reasons.append("no header: the first 20 rows hold values, all of them as many")
        layout.review.append("the file has no header: give the columns names, in the order of the file")


def _are_wrapped(lines: list[str]) -> bool:
    """Whether every line stands in quotes as a whole, with the marks between its fields inside."""
    filled = [line.strip() for line in lines if line.strip()]
    fields = [_records(line, ",", '"') for line in filled]
    return bool(filled) and all(
        line[0] == line[-1] == '"' and len(found) == 1 and len(found[0]) == 1 and any(mark in found[0][0] for mark in DELIMITERS)
        for line, found in zip(filled, fields, strict=True)
    )


def _dialect(text: str) -> tuple[str, str, list[list[str]]]:
    """Delimiter, quote and the first records: double quotes, unless without them, or with single ones, the records are more
    regular."""

    def best(quote: str) -> tuple[str, list[list[str]]]:
        return max(((mark, _records(text, mark, quote)) for mark in DELIMITERS), key=lambda found: _regularity(found[1]))

    delimiter, rows = best('"')
    for quote in ("'", "none"):
        mark = "'" if quote == "'" else '"'
        if mark not in text:
            continue
        other, found = best(quote)
        is_in_use = quote == "none" or re.search(rf"(^|{re.escape(other)})'[^'\n]*'({re.escape(other)}|\r?$)", text, re.MULTILINE)
        if is_in_use and _regularity(found)[0] > _regularity(rows)[0]:
            return other, quote, found
    return delimiter, '"', rows


def _records(text: str, delimiter: str, quote: str) -> list[list[str]]:
    options = {"quoting": csv.QUOTE_NONE} if quote == "none" else {"quotechar": quote}
    try:
        return [row for row, _ in zip(csv.reader(io.StringIO(text), delimiter=delimiter, **options), range(LOOKED_AT_ROWS))]
    except csv.Error:
        return []


def _regularity(rows: list[list[str]]) -> tuple[float, int]:
    """How many records have the most frequent number of fields (more than one), then that number."""
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return 0.0, 0
    width, count = widths.most_common(1)[0]
    return count / max(1, sum(1 for row in rows if row)), width


# --- tables of cells -------------------------------------------------------------------------------------------------------


def _table(rows: list[list[str]], layout: Layout, fill_right: bool) -> None:
    """Find the header among the first rows, and add what the declaration needs to know of it."""
    first, height, names = header_of(rows, fill_right)
    if first:
        layout.format["header_row"] = "auto"
        layout.reasons.append(f"header in row {first + 1}: above it stands {_clip(' '.join(filter(None, rows[0])))!r}")
    if height == 2:
        layout.format["header_rows"] = 2
        layout.reasons.append("two header rows: a category stands above the names")
    units = [
        found.group(1) for row in rows[:first] for cell in row if (found := UNIT_NOTE.search(unicodedata.normalize("NFKC", cell)))
    ]
    if units:
        layout.format["unit_note_as"] = "amount_unit"
        layout.filled["amount_unit"] = f"Unit told above the header, such as {units[0]}"
        layout.reasons.append(f"unit {units[0]!r} is told above the header")
    blank = [i + 1 for i, name in enumerate(names) if not name.strip()]
    if blank:
        layout.review.append(f"columns without a header are not loaded: {', '.join(map(str, blank))}")
    layout.headers = _once([name for name in names if name.strip()])


def header_of(rows: list[list[str]], fill_right: bool) -> tuple[int, int, list[str]]:
    """Where the header is among the first rows of a table: (rows above it, its height, the names of the columns).

    It is the first row that is nearly as wide as the table and holds words only, each once.
    Raises: NoHeader when there is none.
    """
    width = Counter(_width(row) for row in rows if any(row)).most_common(1)[0][0]
    for first, row in enumerate(rows[:20]):
        filled = [cell for cell in row if cell.strip()]
        is_title = len(filled) > 1 and len(set(filled)) == 1  # merged over several columns
        if is_title or len(filled) < max(1, 0.5 * width) or any(_is_value(cell) for cell in filled):
            continue
        below = rows[first + 1] if first + 1 < len(rows) else []
        named_below = [cell for cell in below if cell.strip()]
        gaps = len(row) - len({cell.strip() for cell in row if cell.strip()})
        is_category = gaps and len(named_below) > 1 and not any(map(_is_value, named_below)) and _completes(row, below)
        if is_category:
            return first, 2, _two_rows(row, below, fill_right)
        return first, 1, [cell.strip() for cell in row]
    raise NoHeader(
        f"expected a row of column names among the first 20, found {_clip(', '.join(rows[0])) if rows else 'nothing'!r}; "
        "add a header row to the file, or ask the producer for one"
    )


def _completes(above: list[str], below: list[str]) -> bool:
    """Whether the lower row names columns that the upper row leaves blank or repeats, and leaves others to it alone."""
    width = max(len(above), len(below))
    above, below = above + [""] * (width - len(above)), below + [""] * (width - len(below))
    open_above = [
        i for i in range(width) if not above[i].strip() or above[i] in (above[i - 1] if i else None, *above[i + 1 : i + 2])
    ]
    alone = [i for i in range(width) if above[i].strip() and (not below[i].strip() or below[i] == above[i])]
    return bool(alone) and all(below[i].strip() for i in open_above if i not in alone and above[i].strip())


def _two_rows(above: list[str], below: list[str], fill_right: bool) -> list[str]:
    width = max(len(above), len(below))
    above, below = above + [""] * (width - len(above)), below + [""] * (width - len(below))
    if fill_right:
        for i in range(1, width):
            above[i] = above[i] or (above[i - 1] if below[i].strip() else "")
    pairs = [(upper.strip(), lower.strip()) for upper, lower in zip(above, below, strict=True)]
    return [f"{upper}/{lower}" if upper and lower and upper != lower else upper or lower for upper, lower in pairs]


def _is_value(cell: str) -> bool:
    """Whether a cell holds a number or a date and so is no name of a column (`3、您满意吗？` and `q3` are)."""
    text = unicodedata.normalize("NFKC", cell).strip()
    return (
        bool(text)
        and (text[0].isdigit() or text[0] in "-+.")
        and not any(character.isalpha() for character in text.strip("年月日T Z时分秒"))
        and not any(character in "、" for character in text)
    )


def _width(row: list[str]) -> int:
    return max((i + 1 for i, cell in enumerate(row) if cell.strip()), default=0)


def _once(names: list[str]) -> list[str]:
    doubled = sorted(name for name, count in Counter(map(normalised_header, names)).items() if count > 1)
    if doubled:
        raise NotSniffed(
            f"expected each header once, found more than one of: {', '.join(doubled)}; name the columns apart in the "
            "file, or ask the producer to"
        )
    return names


def _clip(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


# --- workbooks -------------------------------------------------------------------------------------------------------------


# What refuses a workbook that is a bomb or has macros, before it is opened here.
UNSAFE = {"xlsx": xlsx.check, "xls": xls.check, "ods": ods.read}


def _workbook(path: Path, kind: str) -> Layout:
    layout = Layout({"type": kind}, [])
    try:
        UNSAFE[kind](path)
    except WorkbookRejected as error:
        raise NotSniffed(f"{path.name}: {error}") from error
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            names = [
                sheet.name
                for sheet in workbook.sheets_metadata
                if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
            ]
            sheets = {name: rows for name in names if (rows := _first_rows(workbook, name))}
    except CalamineError as error:
        raise NotSniffed(
            f"{path.name}: expected a workbook that can be opened, found: {error}; ask for the file again"
        ) from error
    if not sheets:
        raise NotSniffed(
            f"{path.name}: expected a visible sheet with rows, found {', '.join(names) or 'none'}; ask the producer for the rows"
        )
    found = {}
    for name, rows in sheets.items():
        try:
            found[name] = header_of(rows, fill_right=False)
        except NotSniffed as error:
            layout.review.append(f"the sheet {name} is not read: {error}")
    if not found:
        raise NotSniffed(f"{path.name}: no sheet has a row of column names; {'; '.join(layout.review)}")
    groups = Counter(tuple(map(normalised_header, names)) for _, _, names in found.values())
    chosen_names = max(groups, key=lambda group: (groups[group], len(group)))
    chosen = [name for name, (_, _, names) in found.items() if tuple(map(normalised_header, names)) == chosen_names]
    others = [name for name in sheets if name not in chosen]
    _table(sheets[chosen[0]], layout, fill_right=False)
    if len(chosen) > 1:
        layout.format |= {"sheet": "*", **({"skip_sheets": others} if others else {}), "sheet_as": "sheet"}
        layout.filled["sheet"] = "Name of the sheet"
        layout.reasons.append(f"{len(chosen)} sheets with the same header: {', '.join(chosen)}")
    elif others:
        layout.format["sheet"] = chosen[0]
    if others:
        layout.elsewhere.append(f"sheets with another header, not read: {', '.join(others)}")
    return layout


def _first_rows(workbook: CalamineWorkbook, name: str) -> list[list[str]]:
    sheet = workbook.get_sheet_by_name(name)
    if sheet.end is None:
        return []
    rows = [[_cell(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False, nrows=LOOKED_AT_ROWS)]
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        if top < len(rows) and left < len(rows[top]) and rows[top][left] and right - left < len(rows[top]) - 1:
            for row in rows[top : bottom + 1]:
                row[left : right + 1] = [rows[top][left]] * (min(right + 1, len(row)) - left)
    return rows


def _cell(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _parquet(path: Path) -> Layout:
    with duckdb.connect() as connection:
        try:
            columns = connection.execute(
                "select column_name from (describe select * from read_parquet(?))", [str(path)]
            ).fetchall()
        except duckdb.Error as error:
            raise NotSniffed(
                f"{path.name}: expected a Parquet file that can be read, found: {error}; ask for the file again"
            ) from error
    return Layout({"type": "parquet"}, [name for (name,) in columns])


# --- JSON ------------------------------------------------------------------------------------------------------------------


def _json(path: Path, encoding: str, text: str, layout: Layout) -> None:
    if path.stat().st_size > MAX_JSON_BYTES:
        raise NotSniffed(
            f"{path.name}: expected at most {MAX_JSON_BYTES >> 20} MB of JSON to look through; give a smaller sample"
        )
    lines = [line for line in text.splitlines() if line.strip()]
    form, documents = "json", []
    if len(lines) > 1 and _is_json(lines[0]):
        form = "jsonl"
        documents = [json.loads(line) for line in lines[:1000] if _is_json(line)]
    else:
        try:
            documents = json.loads(path.read_text(encoding="utf-8-sig" if encoding == "utf-8" else encoding))
        except (ValueError, RecursionError) as error:
            raise NotSniffed(f"{path.name}: expected JSON, found: {error}; ask for the file again") from error
    levels = sorted(_lists(documents, "", 0), key=lambda found: (found[2], -found[1]))
    if not levels:
        raise NotSniffed(f"{path.name}: expected a list of records (objects), found none; give a sample that holds some")
    records, count, _ = levels[0]
    keys = _keys(_at(documents, records))
    layout.format = {
        "type": form,
        **_declared_encoding(encoding),
        **({"records": records} if records != "[]" else {}),
    }
    layout.reasons.append(f"records at {records}: {count} objects" if form == "json" else "one JSON document per line")
    layout.headers = _once(keys)
    layout.elsewhere += [
        f"{other}: {number} records inside the records; a source of its own can read them from the same file"
        for other, number, _ in levels[1:]
    ]


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _lists(value: object, place: str, depth: int) -> list[tuple[str, int, int]]:
    """The lists of objects in a document: (path, objects, lists around them)."""
    if isinstance(value, dict):
        found = {}
        for key, inside in value.items():
            for path, count, level in _lists(inside, f"{place}.{key}" if place else key, depth):
                found[path] = (found.get(path, (0, 0))[0] + count, level)
        return [(path, count, level) for path, (count, level) in found.items()]
    if not isinstance(value, list) or not any(isinstance(item, dict) for item in value):
        return []
    here, inside = f"{place}[]", Counter()
    levels = {}
    for item in value:
        for path, count, level in _lists(item, "", depth + 1):
            full = f"{here}.{path}"
            inside[full] += count
            levels[full] = level
    return [(here, len(value), depth), *((path, count, levels[path]) for path, count in inside.items())]


def _at(value: object, records: str) -> list[object]:
    found = [value]
    for part in records.removesuffix("[]").split("[]"):
        for key in filter(None, part.split(".")):
            found = [item[key] for item in found if isinstance(item, dict) and key in item]
        found = [inside for item in found if isinstance(item, list) for inside in item]
    return found


def _keys(records: list[object], prefix: str = "") -> list[str]:
    """The keys of records in order of appearance, those of objects inside joined by dots; lists of objects are left out."""
    seen: dict[str, None] = {}
    lists: set[str] = set()
    for record in records:
        for key, value in record.items() if isinstance(record, dict) else ():
            if isinstance(value, dict) and value:
                seen |= dict.fromkeys(_keys([value], f"{prefix}{key}."))
            else:
                seen[f"{prefix}{key}"] = None
            if isinstance(value, list) and any(isinstance(item, dict) for item in value):
                lists.add(f"{prefix}{key}")
    return [key for key in seen if key not in lists]
