"""What every reader hands to the loader."""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ingest.declaration import ColumnDeclaration

CHUNK = 1 << 20
NO_ROWS = "expected at least one row below the header, found none; an empty file never replaces what is there"


class FileRejected(ValueError):
    """A file that cannot be loaded as a whole; the message names expected, found and what to do."""


@dataclass(frozen=True)
class Rejected:
    """A row that the reader could not fit. `row_no` leads to the row in the file."""

    row_no: int
    column_name: str | None
    reason: str
    expected: str
    raw_value: str | None
    raw_text: str | None


@dataclass(frozen=True)
class Parsed:
    """What a reader found. The rows lie in the temporary table `parsed`, one column per declared column in the file.

    `rows_in` counts the records of the file without its header; `rows_skipped` those of them that the declaration passes over
    before the data (title rows). `row_no` and `where` are SQL on `parsed`: the number of the row in the file, and the part of
    the file it lies in, in words (NULL when the number says all). `is_typed`: the reader has cast the columns that have no
    formats of their own; otherwise all are text. `filled`: columns with a value of the reader's, not of a cell. `headers`: of
    each column as the file has it.
    """

    layout: str
    rows_in: int
    columns: dict[str, ColumnDeclaration]
    missing: list[ColumnDeclaration]
    undeclared: list[str]
    rejected: list[Rejected]
    row_no: str
    where: str = "null::varchar"
    rows_skipped: int = 0
    is_typed: bool = False
    filled: set[str] = field(default_factory=set)
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def utf8(path: Path, encoding: str) -> Iterator[Path]:
    """A path to the same text in UTF-8. Only other encodings are written again; decoding is strict.

    Raises: FileRejected when the bytes are no text in the declared encoding.
    """
    if encoding == "utf-8":
        yield path
        return
    with tempfile.NamedTemporaryFile(suffix=".txt") as copy:
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        position = 0
        with open(path, "rb") as landed:
            while True:
                chunk = landed.read(CHUNK)
                try:
                    copy.write(decoder.decode(chunk, final=not chunk).encode("utf-8"))
                except UnicodeDecodeError as error:
                    raise FileRejected(
                        f"expected text in {encoding} as declared, found bytes that are not, near byte "
                        f"{position + error.start}; declare the encoding that the producer uses"
                    ) from error
                if not chunk:
                    break
                position += len(chunk)
        copy.flush()
        yield Path(copy.name)


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
