"""A cell as a person sees it but in ISO form, and the value of a merged cell in each of its cells."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from decimal import Decimal

from ingest.workbooks import MAX_CELLS, WorkbookRejected

LONGEST_EXACT = 10**15
Range = tuple[tuple[int, int], tuple[int, int]]


def text(value: object) -> str:
    """A cell as text: dates in ISO form, numbers with the 15 digits that a spreadsheet shows, no `.0`."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < LONGEST_EXACT:
            return str(int(value))
        short = format(value, ".15g")
        return format(Decimal(short), "f") if "e" in short else short
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


def merged(rows: Iterable[list[str]], ranges: Iterable[Range], width: int, sheet: str) -> Iterator[list[str]]:
    """The rows of a sheet with the value of each merged range in each of its cells; the sheet does not grow by that.

    Args: rows: from row 0 on. ranges: ((top, left), (bottom, right)), counted from 0. width: columns of the sheet.
    sheet: its name, for the message.
    Yields: rows. Raises: WorkbookRejected when the ranges hold more than MAX_CELLS cells.
    """
    by_top = {}
    for (top, left), (bottom, right) in ranges:
        by_top.setdefault(top, []).append((left, bottom, right))
    filled, open_ranges = 0, []
    for number, row in enumerate(rows):
        for left, bottom, right in by_top.get(number, ()):
            if left < len(row) and row[left]:
                open_ranges.append((left, bottom, min(right + 1, width), row[left]))
        for left, _, end, value in open_ranges:
            row += [""] * (end - len(row))
            row[left:end] = [value] * (end - left)
            filled += end - left
        if filled > MAX_CELLS:
            raise WorkbookRejected(f"expected at most {MAX_CELLS} merged cells in the sheet {sheet}, found more; unmerge them")
        open_ranges = [one for one in open_ranges if one[1] > number]
        yield row
