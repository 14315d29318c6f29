"""A search of a whole installation for personal data: databases, logs, reports and exports."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from expectations import personal_data
from ingest.declaration import declarations
from ingest.settings import settings
from ingest.sql import literal, quoted

# The landing holds the bytes as they arrived, for as long as retention allows; secrets are not looked at; dbt's copies are code.
NOT_SEARCHED = ("landing", "secrets", "dbt/compiled", "dbt/run")
LONGEST_TEXT = 64 << 20
WHAT = {
    "mobile number": personal_data.MOBILE_NUMBER,
    "ID number": personal_data.ID_NUMBER,
    "IP address": personal_data.IP_ADDRESS,
}


@dataclass(frozen=True)
class Hit:
    """Personal data at a place: a table's column, or a file, relative to GMW_HOME. The value is never shown."""

    place: str
    what: str
    count: int


def scan(names: list[str] | None = None) -> list[Hit]:
    """Search everything below GMW_HOME for mobile numbers, ID numbers, IP addresses and given names.

    Searched are all text columns of all DuckDB files and all other files as text (workbooks by their parts), but not the landing,
    the secrets and the drop folder. Columns that are declared `may_contain_numbers` are searched for names only.
    Args: names: of people, to be looked for as they are. Returns: where something was found.
    Raises: duckdb.IOException when a database is being written.
    """
    patterns = dict(WHAT)
    if names:
        patterns["name"] = "|".join(sorted(map(re.escape, set(names)), key=len, reverse=True))
    hits = []
    for path in _files():
        place = str(path.relative_to(settings().home))
        hits += _in_database(path, place, patterns) if path.suffix == ".duckdb" else _in_file(path, place, patterns)
    return hits


def _files() -> Iterator[Path]:
    home = settings().home
    elsewhere = [settings().drop, *(home / name for name in NOT_SEARCHED)]
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.is_symlink() and not any(path.is_relative_to(folder) for folder in elsewhere):
            yield path


def _in_database(path: Path, place: str, patterns: dict[str, str]) -> list[Hit]:
    numbers_allowed = {column.name for source in declarations() for column in source.columns if column.may_contain_numbers}
    hits = []
    with duckdb.connect(str(path), read_only=True) as connection:
        columns = connection.execute(
            """
            select schema_name, table_name, list(column_name order by column_index) from duckdb_columns()
            inner join duckdb_tables() using (database_name, schema_name, table_name)
            where data_type = 'VARCHAR' and not duckdb_tables.internal group by all order by all
            """
        ).fetchall()
        for schema, table, names in columns:
            searched = [
                (name, what, pattern) for name in names for what, pattern in patterns.items()
                if what == "name" or name not in numbers_allowed
            ]
            counted = ", ".join(
                f"count(*) filter (regexp_matches({quoted(name)}, {literal(pattern)}))" for name, _, pattern in searched
            )
            counts = connection.execute(f"select {counted} from {quoted(schema)}.{quoted(table)}").fetchone()
            hits += [
                Hit(f"{place}: {schema}.{table}.{name}", what, count)
                for (name, what, _), count in zip(searched, counts, strict=True) if count
            ]
    return hits


def _in_file(path: Path, place: str, patterns: dict[str, str]) -> list[Hit]:
    counted = ", ".join(f"len(regexp_extract_all($text, {literal(pattern)}))" for pattern in patterns.values())
    counts = [0] * len(patterns)
    # DuckDB's matcher takes thousands of names at once without slowing down.
    with duckdb.connect() as connection:
        for text in _texts(path):
            found = connection.execute(f"select {counted}", {"text": text.replace("\0", " ")}).fetchone()
            counts = [before + more for before, more in zip(counts, found, strict=True)]
    return [Hit(place, what, count) for what, count in zip(patterns, counts, strict=True) if count]


def _texts(path: Path) -> Iterator[str]:
    """The text of a file in pieces; of a workbook, its parts."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for part in archive.infolist():
                if part.filename.endswith((".xml", ".txt", ".json", ".csv")):
                    yield archive.read(part)[:LONGEST_TEXT].decode("utf-8", "replace")
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        while lines := file.readlines(1 << 20):
            yield "".join(lines)
