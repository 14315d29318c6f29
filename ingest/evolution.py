"""Columns that a source gains: with `drift: evolve` they are loaded from the first file on that has them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from text_unidecode import unidecode

from ingest.declaration import ColumnDeclaration, SourceDeclaration
from ingest.readers.header import normalised_header
from ingest.readers.parsed import FileRejected

PREFIX = "added_"
LONGEST_NAME = 60


def evolved(source: SourceDeclaration, headers: list[str], path: Path) -> SourceDeclaration:
    """The declaration with a text column for each header that it does not know.

    Nobody has said yet what such a column holds: numbers of people in it are masked, and what looks personal by its header or its
    values is hashed, banded or not stored, as `gmw source add` would propose; where the file cannot be looked at, nothing of it
    is.
    Args: source: the declaration. headers: as they stand in the file. path: the file.
    """
    personal = _personal(path, headers)
    columns = [
        ColumnDeclaration(
            name=column_name(header), headers=[header], required=False, personal=personal[header],
            free_text=personal[header] is None,
        )
        for header in dict.fromkeys(header for header in headers if header.strip())
    ]
    return source.model_copy(update={"columns": [*source.columns, *columns]})


def added(source: SourceDeclaration) -> list[str]:
    """The headers of the columns that a declaration has gained."""
    return [column.headers[0] for column in source.columns if column.name.startswith(PREFIX)]


def column_name(header: str) -> str:
    """The name of an added column, from its header alone: `备注` → `added_bei_zhu_` and four characters that tell apart what is
    written alike in Latin letters."""
    words = re.sub(r"[^a-z0-9]+", "_", unidecode(header).lower()).strip("_")[:LONGEST_NAME]
    return f"{PREFIX}{words}_{hashlib.sha256(normalised_header(header).encode()).hexdigest()[:4]}"


def _personal(path: Path, headers: list[str]) -> dict[str, str | None]:
    """How each column would have to be declared: header → `personal` kind, None for none."""
    from ingest.scaffold import layout, personal, profile

    try:
        profiles = {normalised_header(found.header): found for found in profile.profile(path, layout.sniff(path)).profiles}
    except (layout.NotSniffed, FileRejected):
        profiles = {}
    kinds: dict[str, str | None] = {}
    for header in headers:
        looked_at = profiles.get(normalised_header(header))
        about = personal.find(looked_at, column_name(header)) if looked_at else None
        kinds[header] = "drop" if looked_at is None else about.personal if about else None
    return kinds
