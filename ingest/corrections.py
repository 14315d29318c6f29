"""Corrections are data: single cells of files that are known to be wrong, in `dbt_project/seeds/correction.csv`.

A correction says where the cell is, what stands there, what is meant, why, and who says so. It is applied when a file is loaded,
before anything is cast, and only where the cell holds exactly what the correction says.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
from pydantic import Field, ValidationError, field_validator

from ingest import privacy
from ingest.columns import cast_to_type, expected_form, trimmed_text
from ingest.declaration import ColumnDeclaration, DeclarationError, SourceDeclaration, declaration
from ingest.declared.strict import Strict
from ingest.readers.csv import with_marks
from ingest.readers.parsed import Parsed
from ingest.sql import literal, quoted

# Which files a correction is about, in SQL on `correction` and `ops.file as file`. A row number holds in one file only.
IS_ABOUT_FILE = """
    correction.source = file.source and (correction.file in (file.file_id, file.file_name)
    or (correction.key_column is not null and file.file_name glob correction.file))"""


class CorrectionError(ValueError):
    """A correction that cannot be used; the message names the line of the seed, what was expected and what was found."""


class Correction(Strict):
    """One line of the seed. `file` is a sha256 or a name; with a key also a glob of names. NULL values are empty cells."""

    correction_id: str = Field(min_length=1)
    source: str = Field(min_length=1)
    file: str = Field(min_length=1)
    row_no: int | None
    key_column: str | None
    key_value: str | None
    column_name: str
    found_value: str | None
    corrected_value: str | None
    reason: str = Field(min_length=1)
    corrected_by: str = Field(min_length=1)
    corrected_on: date

    @field_validator("row_no", "key_column", "key_value", "found_value", "corrected_value", mode="before")
    @classmethod
    def _empty_is_null(cls, value: str) -> str | None:
        return value.strip(" ") or None


class CorrectedColumn(ColumnDeclaration):
    """A column of a file with corrections: its text is read as it stands, and cast after them."""

    @property
    def is_corrected(self) -> bool:
        return True


@dataclass(frozen=True)
class Outcome:
    """What became of a correction in a file. `outcome`: applied, differs (the cell holds another value) or absent (no such row or
    column in the file, or the row could not be read at all)."""

    correction_id: str
    row_no: int | None
    column_name: str
    found_value: str | None
    corrected_value: str | None
    outcome: str


def seed_path() -> Path:
    """Where the corrections are."""
    from ingest.settings import settings

    return settings().dbt_project / "seeds" / "correction.csv"


def check_all() -> None:
    """Read every correction. Raises: CorrectionError for the first faulty line, also where no declared source has its name."""
    names = dict.fromkeys(record["source"] for _, record in _records())
    for name in names:
        try:
            source = declaration(name)
        except DeclarationError as error:
            if "is switched off" in str(error):
                continue
            line = next(line for line, record in _records() if record["source"] == name)
            raise _fault(line, str(error)) from error
        of_source(source)


def of_source(source: SourceDeclaration) -> list[Correction]:
    """The corrections of a source. Raises: CorrectionError when the seed, or a line about this source, is faulty."""
    found: list[Correction] = []
    targets: Counter[tuple] = Counter()
    ids = Counter(record["correction_id"] for _, record in _records())
    for line, record in _records():
        if record["source"] != source.name:
            continue
        try:
            correction = Correction(**record)
        except ValidationError as error:
            what = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
            raise _fault(line, what) from error
        if ids[correction.correction_id] > 1:
            raise _fault(line, f"expected a correction_id of its own, found {correction.correction_id} more than once")
        target = (correction.file, correction.row_no, correction.key_column, correction.key_value, correction.column_name)
        targets[target] += 1
        if targets[target] > 1:
            raise _fault(line, "expected one correction of a cell, found another one of the same cell above")
        if problem := _problem(source, correction):
            raise _fault(line, problem)
        found.append(correction)
    return found


def of_file(source: SourceDeclaration, file_id: str, file_name: str) -> list[Correction]:
    """The corrections that are about one file.

    Args: source: its declaration. file_id: its sha256. file_name: what it is called where it came from. Raises: CorrectionError.
    """
    corrections = of_source(source)
    if not corrections:
        return []
    make_table(_calculator(), corrections)
    about = _calculator().execute(
        f"""
        with file as (select $file_id as file_id, $source as source, $file_name as file_name)
        select correction_id from correction inner join file on {IS_ABOUT_FILE}
        """,
        {"file_id": file_id, "source": source.name, "file_name": file_name},
    ).fetchall()
    wanted = {correction_id for (correction_id,) in about}
    return [correction for correction in corrections if correction.correction_id in wanted]


def read_as_text(source: SourceDeclaration, corrections: list[Correction]) -> SourceDeclaration:
    """The declaration with which a file is read: where it has corrections, all its text as it stands, cast only after them.

    All of it: a reader that casts keeps rows with any fault to itself, and none of their cells could be corrected.
    """
    columns = [CorrectedColumn.model_construct(**dict(column)) for column in source.columns]
    return source.model_copy(update={"columns": columns}) if corrections else source


def apply(connection: duckdb.DuckDBPyConnection, parsed: Parsed, corrections: list[Correction]) -> list[Outcome]:
    """Correct the cells of the temporary table `parsed` that hold what the corrections say.

    Args: connection: to the scratch database in which the file was read. parsed: what the reader found. corrections: those about
    the file.
    Returns: what became of each correction. Raises: CorrectionError when two corrections are about the same cell.
    """
    if not corrections:
        return []
    make_table(connection, corrections)
    stored = {name for name, column in parsed.columns.items() if not column.is_dropped}
    columns = sorted({correction.column_name for correction in corrections} & stored)
    keys = sorted({correction.key_column for correction in corrections if correction.key_column} & stored)
    named = ", ".join(quoted(name) for name in sorted({*columns, *keys}))
    found = " ".join(f"when {literal(name)} then {trimmed_text(name)}" for name in columns)
    by_key = " ".join(
        f"""
        union all
        select correction.correction_id, numbered.* from numbered
        inner join correction on correction.key_column = {literal(name)} and {trimmed_text(name)} = correction.key_value"""
        for name in keys
    )
    if columns:
        connection.execute(
            f"""
            create or replace temp table met as
            with numbered as (select rowid as _place, {parsed.row_no} as _row, {named} from parsed),
            chosen as (
                select correction.correction_id, numbered.* from numbered
                inner join correction on correction.row_no = numbered._row where correction.key_column is null
                {by_key}
            )
            select chosen.correction_id, chosen._place as place, chosen._row as row_no,
                case correction.column_name {found} end is not distinct from correction.found_value as is_found
            from chosen inner join correction using (correction_id)
            where list_contains(?::varchar[], correction.column_name)
            """,
            [columns],
        )
    else:
        connection.execute(
            "create or replace temp table met (correction_id varchar, place bigint, row_no bigint, is_found boolean)"
        )
    _refuse_two_for_one(connection)
    for name in columns:
        connection.execute(
            f"""
            update parsed set {quoted(name)} = correction.corrected_value
            from met inner join correction using (correction_id)
            where parsed.rowid = met.place and met.is_found and correction.column_name = ?
            """,
            [name],
        )
    return [
        Outcome(*row)
        for row in connection.execute(
            """
            select correction_id, coalesce(met.row_no, correction.row_no), column_name, found_value, corrected_value,
                case when met.is_found then 'applied' when met.is_found is null then 'absent' else 'differs' end
            from correction left join met using (correction_id) order by correction_id, 2
            """
        ).fetchall()
    ]


def record(connection: duckdb.DuckDBPyConnection, batch_id: str, outcomes: list[Outcome]) -> None:
    """Write down which corrections touched which rows of a batch, in place of what an earlier load of it said."""
    connection.execute("delete from ops.correction_outcome where batch_id = ?", [batch_id])
    if outcomes:
        connection.executemany(
            "insert into ops.correction_outcome values (?, ?, ?, ?, ?, ?, ?, now())",
            [
                (batch_id, one.correction_id, one.row_no, one.column_name, one.found_value, one.corrected_value, one.outcome)
                for one in outcomes
            ],
        )


def make_table(connection: duckdb.DuckDBPyConnection, corrections: list[Correction]) -> None:
    """Make the temporary table `correction`, with the columns of the seed."""
    connection.execute(
        """
        create or replace temp table correction (
            correction_id varchar, source varchar, file varchar, row_no bigint, key_column varchar, key_value varchar,
            column_name varchar, found_value varchar, corrected_value varchar, reason varchar, corrected_by varchar,
            corrected_on date)
        """
    )
    if corrections:
        connection.executemany(
            f"insert into correction values ({', '.join('?' * len(Correction.model_fields))})",
            [list(dict(correction).values()) for correction in corrections],
        )


def _refuse_two_for_one(connection: duckdb.DuckDBPyConnection) -> None:
    twice = connection.execute(
        """
        select met.row_no, column_name, string_agg(correction_id, ' and ' order by correction_id)
        from met inner join correction using (correction_id) where is_found
        group by place, met.row_no, column_name having count(*) > 1 order by met.row_no limit 1
        """
    ).fetchone()
    if twice:
        raise CorrectionError(
            f"{_name()}: expected one correction of a cell, found {twice[2]} for row {twice[0]}, column {twice[1]}; remove one"
        )


def _records() -> list[tuple[int, dict[str, str]]]:
    """The records of the seed with their lines. Raises: CorrectionError when it is no table with the columns of a correction."""
    expected = list(Correction.model_fields)
    with open(seed_path(), encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            found = next(reader, [])
            if found != expected:
                raise _fault(1, f"expected the columns {','.join(expected)}, found {','.join(found)}")
            records = []
            for values in reader:
                if len(values) != len(expected):
                    raise _fault(reader.line_num, f"expected {len(expected)} fields, found {len(values)}")
                records.append((reader.line_num, dict(zip(expected, values, strict=True))))
        except (csv.Error, UnicodeDecodeError) as error:
            raise _fault(reader.line_num, f"expected CSV in UTF-8, found: {error}") from error
    return records


def _problem(source: SourceDeclaration, correction: Correction) -> str:
    """Why a correction cannot be used on its source, without the values in it; empty when it can."""
    declared = {column.name: column for column in source.columns}
    for what, name in (("column_name", correction.column_name), ("key_column", correction.key_column)):
        if name is None:
            continue
        if name not in declared:
            return f"{what}: expected a column that {source.name} declares ({', '.join(declared)}), found {name}"
        if declared[name].personal or declared[name].free_text:
            return (
                f"{what}: expected a column without personal data, found {name}; what it holds must not stand in a seed. Ask "
                "the producer for a corrected file"
            )
    if (correction.row_no is None) == (correction.key_column is None):
        return "expected either row_no or key_column with key_value, found both or neither"
    if (correction.key_column is None) != (correction.key_value is None):
        return "expected key_column and key_value together, found one of them"
    if correction.row_no is not None and "*" in correction.file:
        return f"file: a row number holds in one file; expected its name or sha256, found {correction.file}"
    if correction.found_value == correction.corrected_value:
        return "expected a corrected_value other than the found_value, found the same"
    return _faulty_values(source, declared, correction)


def _faulty_values(source: SourceDeclaration, declared: dict[str, ColumnDeclaration], correction: Correction) -> str:
    column = declared[correction.column_name]
    texts = {"reason": correction.reason, "corrected_by": correction.corrected_by}
    if not column.may_contain_numbers:
        texts |= {"found_value": correction.found_value, "corrected_value": correction.corrected_value}
    if correction.key_column and not declared[correction.key_column].may_contain_numbers:
        texts["key_value"] = correction.key_value
    for name, text in texts.items():
        if any(re.search(pattern, text or "") for pattern in (privacy.ID_NUMBER, privacy.PHONE, privacy.IP_ADDRESS)):
            return f"{name}: expected no phone number, ID number or IP address, found something that looks like one"
    forms = [with_marks(column, variant.format) if variant.format.type == "csv" else column for variant in source.variants]
    (fits,) = _calculator().execute(
        f'select "{column.name}" is null or {" or ".join(f"{cast_to_type(form)} is not null" for form in forms)} '
        f'from (select ?::varchar as "{column.name}")',
        [correction.corrected_value],
    ).fetchone()
    return "" if fits else f"corrected_value: expected {expected_form(column)}, found {correction.corrected_value!r}"


@cache
def _calculator() -> duckdb.DuckDBPyConnection:
    """DuckDB without a database, to try casts and names of files on."""
    return duckdb.connect()


def _fault(line: int, what: str) -> CorrectionError:
    return CorrectionError(f"{_name()}, line {line}: {what}")


def _name() -> str:
    path = seed_path()
    return path.relative_to(path.parents[2]).as_posix()
