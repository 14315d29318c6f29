"""The SQL that turns the text of a column into what is stored: cast, hashed or masked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ingest.declaration import ColumnDeclaration, SourceDeclaration
from ingest.sql import literal

if TYPE_CHECKING:
    from ingest.readers.parsed import Parsed


def stored_value(column: ColumnDeclaration, parsed: Parsed) -> str:
    """The SQL of a column as it is stored: hashed, masked, cast here, or as the reader gave it."""
    name = f'"{column.name}"'
    if column.personal == "age":
        return f"age_band({name}) as {name}"
    if column.personal == "birth_date":
        return f"birth_date_band({name}, getvariable('file_day')) as {name}"
    if column.personal:
        return f"person_key({literal(column.personal)}, {name}) as {name}"
    if column.free_text:
        return f"mask_personal({name}) as {name}"
    if is_cast(column, parsed):
        return f"{cast_to_type(column)} as {name}"
    return name


def is_cast(column: ColumnDeclaration, parsed: Parsed) -> bool:
    """Whether the text of a column is cast here: by its formats or marks, or because the reader gives text only."""
    return bool(column.formats) or column.has_marks or (column.type != "varchar" and not parsed.is_typed)


def cast_to_type(column: ColumnDeclaration) -> str:
    """The SQL of a column of text as its declared type; NULL when the text does not fit."""
    if column.has_marks:
        return _number_with_marks(column)
    if not column.formats:
        return f"try_cast({trimmed_text(column.name)} as {column.type})"
    formats = ", ".join(map(literal, column.formats))
    return f'try_strptime(trim("{column.name}"), [{formats}])::{column.type}'


def _number_with_marks(column: ColumnDeclaration) -> str:
    """The SQL of a number such as 1'234,5; what has its marks in other places is none. Blanks and apostrophes have variants."""
    variants, plain_marks = "chr(8217) || chr(160) || chr(8239) || chr(8201)", literal("'   ")
    text = f"translate({trimmed_text(column.name)}, {variants}, {plain_marks})"
    thousands, decimal = re.escape(column.thousands or ""), re.escape(column.decimal)
    whole = rf"(\d+|\d{{1,3}}({thousands}\d{{3}})+)" if column.thousands else r"\d+"
    pattern = rf"[+-]?{whole}" + ("" if column.type in ("integer", "bigint") else rf"({decimal}\d+)?")
    digits = f"replace({text}, {literal(column.thousands)}, '')" if column.thousands else text
    return (
        f"case when regexp_full_match({text}, {literal(pattern)}) "
        f"then try_cast(replace({digits}, {literal(column.decimal)}, '.') as {column.type}) end"
    )


def expected_form(column: ColumnDeclaration) -> str:
    """What a value of the column must look like, in words."""
    if column.has_marks:
        return f"{column.type} written as 1{column.thousands or ''}234{'' if 'int' in column.type else column.decimal + '5'}"
    return f"{column.type} as {' or '.join(column.formats)}" if column.formats else column.type


def trimmed_text(name: str) -> str:
    """The SQL of a column as text without blanks around it; NULL when nothing is left."""
    return f"nullif(trim(\"{name}\"::varchar), '')"


def skip_conditions(source: SourceDeclaration, columns: Mapping[str, ColumnDeclaration]) -> list[str]:
    """The SQL of each declared reason to skip a row, as far as the file has its column."""
    kept = [skip for skip in source.skip if skip.column in columns and not columns[skip.column].is_dropped]
    return [
        f"regexp_full_match(coalesce({trimmed_text(skip.column)}, ''), {literal(skip.matches)})"
        if skip.matches
        else f"coalesce({trimmed_text(skip.column)}, '') in ({', '.join(map(literal, skip.values))})"
        for skip in kept
    ]


def is_skipped(source: SourceDeclaration, fields: Mapping[str, str]) -> bool:
    """Whether a row that the reader could not fit is skipped by declaration: a note or a total row may be short.

    Args: fields: column → text, as far as the row has them.
    """
    return any(
        re.fullmatch(skip.matches, fields[skip.column].strip()) if skip.matches else fields[skip.column].strip() in skip.values
        for skip in source.skip
        if skip.column in fields
    )
