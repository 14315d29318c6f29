"""A text report of sections: `[heading]` or `【heading】`, `key: value` lines, and a table of which each line is a row.

Shipped as a plug-in, through the same entry point as those of other packages: a pattern to follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from ingest.declared.formats import Encoding
from ingest.declared.strict import Strict
from ingest.plugin import FaultyRecord, ReaderPlugin, Record, UnreadableFile

HEADING = re.compile(r"\s*(?:\[([^\[\]]+)\]|【([^【】]+)】)\s*\Z")
KEY = re.compile(r"\s*([^:：]{1,200}?)\s*[:：]\s*(.*?)\s*\Z")
RULE = re.compile(r"[\s|+=\-─┼│]+\Z")
LONGEST_LINE = 1 << 20


class SectionedReport(Strict):
    """`section`: the heading of the sections whose tables hold the rows. `delimiter`: stands between the cells of a table."""

    section: str
    delimiter: str = Field(default="|", min_length=1)
    encoding: Encoding = "utf-8"


def read(path: Path, options: SectionedReport) -> Iterator[Record | FaultyRecord]:
    """The rows of the tables in the declared sections. A section without a table is one row, of its keys.

    Keys of the section, and those above all headings, are columns of each row below them; keys of other sections are too, as
    `heading/key`. A row number is a line of the file.

    Args: path: the file. options: of the declaration. Yields: rows. Raises: UnreadableFile when the file is no text in the
    declared encoding, or has no such section.
    """
    headings, keys = [], {}
    section, titles, started = None, None, 0
    for number, line in _lines(path, options.encoding):
        if heading := HEADING.match(line):
            yield from _without_table(section, options, titles, started, keys)
            section, titles, started = (heading[1] or heading[2]).strip(), None, number
            headings.append(section)
            keys[section] = {}
        elif not line.strip():
            continue
        elif options.delimiter in line:
            if section != options.section or titles and RULE.match(line):
                continue
            cells = [cell.strip() for cell in line.strip().split(options.delimiter)]
            if titles is None:
                titles = cells
            elif len(cells) != len(titles):
                yield FaultyRecord(number, "wrong_number_of_cells", f"{len(titles)} cells, as in the header of the table", line)
            else:
                yield Record(number, _columns(keys, options) | {t: cell for t, cell in zip(titles, cells, strict=True) if t})
        elif key := KEY.match(line):
            keys.setdefault(section, {})[key[1]] = key[2]
        elif section == options.section and not RULE.match(line):
            yield FaultyRecord(number, "no_row", f"a row with {options.delimiter} between its cells, or key: value", line)
    yield from _without_table(section, options, titles, started, keys)
    if options.section not in headings:
        found = ", ".join(dict.fromkeys(headings)) or "none"
        raise UnreadableFile(
            f"expected a section [{options.section}], found {found}; ask the producer, or declare it under format.section"
        )


def _without_table(
    section: str | None, options: SectionedReport, titles: list[str] | None, started: int, keys: dict[str | None, dict[str, str]]
) -> Iterator[Record]:
    if section == options.section and titles is None and keys[section]:
        yield Record(started, _columns(keys, options))


def _columns(keys: dict[str | None, dict[str, str]], options: SectionedReport) -> dict[str, str]:
    return {
        key if section in (None, options.section) else f"{section}/{key}": value
        for section, pairs in keys.items()
        for key, value in pairs.items()
    }


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    """(number from 1, line without its end)."""
    with open(path, encoding="utf-8-sig" if encoding == "utf-8" else encoding) as file:
        number = 0
        try:
            while line := file.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE and not line.endswith("\n"):
                    raise UnreadableFile(f"expected lines of at most {LONGEST_LINE} characters, found a longer line {number}")
                yield number, line.rstrip("\n")
        except UnicodeError as error:
            raise UnreadableFile(
                f"expected text in {encoding} as declared, found other bytes near line {number + 1}; declare its encoding"
            ) from error


READER = ReaderPlugin(options=SectionedReport, read=read)
