"""The SQL that turns the text of a column into what is stored: cast, hashed or masked."""

from __future__ import annotations

from ingest.declaration import ColumnDeclaration
from ingest.readers.parsed import Parsed, literal


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
    """Whether the text of a column is cast here: because it is read as text, or because the reader gives text only."""
    return bool(column.formats) or (column.type != "varchar" and (column.is_read_as_text or not parsed.is_typed))


def cast_to_type(column: ColumnDeclaration) -> str:
    """The SQL of a column of text as its declared type; NULL when the text does not fit."""
    if not column.formats:
        return f"try_cast({trimmed_text(column.name)} as {column.type})"
    formats = ", ".join(map(literal, column.formats))
    return f'try_strptime(trim("{column.name}"), [{formats}])::{column.type}'


def expected_form(column: ColumnDeclaration) -> str:
    """What a value of the column must look like, in words."""
    return f"{column.type} as {' or '.join(column.formats)}" if column.formats else column.type


def trimmed_text(name: str) -> str:
    """The SQL of a column as text without blanks around it; NULL when nothing is left."""
    return f"nullif(trim(\"{name}\"::varchar), '')"
