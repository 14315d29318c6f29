"""The SQL that turns the rows of a reader into what is stored: cast, hashed or masked, and sorted into those that fit and not."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import duckdb

from ingest.declaration import ColumnDeclaration, Skip, SourceDeclaration
from ingest.sql import literal

# A time of day with what its clock is ahead of UTC, such as 02:00:00Z or 10:00+08:00.
ZONED = r":[0-9.]+ ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"


def sort_rows(
    connection: duckdb.DuckDBPyConnection,
    source: SourceDeclaration,
    columns: Collection[ColumnDeclaration],
    rows: str,
    parameters: list[object] | None = None,
    *,
    is_typed: bool = False,
    filled: Collection[str] = (),
    also: Collection[str] = (),
) -> None:
    """Make the table `prepared_rows` of a scratch database, in the order of the file: every row as it is stored, whether it is
    skipped by declaration, and the first column (if any) whose text does not fit. It may lie on disk: no identifier is in it.

    Args: connection: to a scratch database, with the macros of `privacy` where the source needs them. source: its declaration.
    columns: those that the file has. rows, parameters: SQL of the rows, one column per declared column. is_typed: the reader has
    cast the columns without formats. filled: columns with a value of the reader's. also: SQL of further columns.
    """
    stored = [column for column in columns if not column.is_dropped]
    casts = [column for column in stored if is_cast(column, is_typed)]
    faults = [f"when {trimmed_text(column.name)} is not null and {cast_to_type(column)} is null then" for column in casts]
    faulty_column = " ".join(f"{fault} {literal(column.name)}" for fault, column in zip(faults, casts, strict=True))
    faulty_value = " ".join(f"{fault} {trimmed_text(column.name)}" for fault, column in zip(faults, casts, strict=True))
    is_blank = _blank([column for column in stored if column.name not in filled], is_typed)
    masked = "mask_personal" if source.is_private else ""
    values = [
        *(stored_value(column, is_typed) for column in stored),
        *also,
        f"{' or '.join([is_blank, *_skip_conditions(source.skip, stored)])} as _is_skipped",
        f"{f'case {faulty_column} end' if casts else 'null::varchar'} as _faulty_column",
        # In a row that is shifted by one, a phone number may stand where a date is expected.
        f"{masked}({f'case {faulty_value} end' if casts else 'null::varchar'}) as _faulty_value",
    ]
    if below := [skip for skip in source.skip if skip.below]:
        values.append(f"{' or '.join(_skip_conditions(below, stored)) or 'false'} as _ends_data")
    connection.execute(f"create table prepared_rows as select {', '.join(values)} from {rows}", parameters or []).complete()


def stored_value(column: ColumnDeclaration, is_typed: bool) -> str:
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
    if is_cast(column, is_typed):
        return f"{cast_to_type(column)} as {name}"
    return name


def is_cast(column: ColumnDeclaration, is_typed: bool) -> bool:
    """Whether the text of a column is cast here: because it is read as text, or because the reader gives text only."""
    return bool(column.formats) or column.has_marks or (column.type != "varchar" and (column.is_read_as_text or not is_typed))


def cast_to_type(column: ColumnDeclaration) -> str:
    """The SQL of a column of text as its declared type; NULL when the text does not fit."""
    if column.has_marks:
        return _number_with_marks(column)
    if column.type == "double":
        number = f"try_cast({trimmed_text(column.name)} as double)"
        return f"case when isfinite({number}) then {number} end"
    if column.type == "timestamp" and not column.formats:
        text = trimmed_text(column.name)
        # DuckDB drops what a time is ahead of UTC; `_prepare` of the loader says which clock the source has.
        moment = f"try_cast({text} as timestamptz) at time zone coalesce(getvariable('time_zone'), 'UTC')"
        # `2026-03-05 15:00:00` has no zone: its length says so faster than the regular expression.
        is_zoned = f"length({text}) != 19 and regexp_matches({text}, {literal(ZONED)})"
        return f"case when {is_zoned} then {moment} else try_cast({text} as timestamp) end"
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


def matching_skips(source: SourceDeclaration, fields: Mapping[str, str]) -> list[Skip]:
    """The declared reasons to skip a row that the reader could not fit: a note or a total row may be short.

    Args: fields: column → text, as far as the row has them.
    """
    return [
        skip
        for skip in source.skip
        if skip.column in fields
        and (
            re.fullmatch(skip.matches, fields[skip.column].strip()) if skip.matches else fields[skip.column].strip() in skip.values
        )
    ]


def _skip_conditions(skips: list[Skip], stored: list[ColumnDeclaration]) -> list[str]:
    """The SQL of each declared reason to skip a row, as far as the file has its column."""
    names = {column.name for column in stored}
    return [
        f"regexp_full_match(coalesce({trimmed_text(skip.column)}, ''), {literal(skip.matches)})"
        if skip.matches
        else f"coalesce({trimmed_text(skip.column)}, '') in ({', '.join(map(literal, skip.values))})"
        for skip in skips
        if skip.column in names
    ]


def _blank(columns: list[ColumnDeclaration], is_typed: bool) -> str:
    """The SQL of whether none of the columns holds anything. It looks no further than to the first one that does."""
    if not columns:
        return "false"
    cast = [column for column in columns if is_typed and column.type != "varchar" and not column.is_read_as_text]
    text = [column for column in columns if column not in cast]
    holds = [f'"{column.name}" is not null' for column in cast] + [f"trim(\"{column.name}\"::varchar) != ''" for column in text]
    return f"case {' '.join(f'when {condition} then false' for condition in holds)} else true end"
