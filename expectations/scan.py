"""A search of a whole installation for personal data: databases, logs, reports and exports."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb

from expectations import personal_data
from ingest.declaration import declarations
from ingest.settings import settings
from ingest.sql import literal, quoted

# The landing holds the bytes as they arrived, for as long as retention allows; secrets are not looked at; dbt's copies are code.
NOT_SEARCHED = ("landing", "backups/landing", "secrets", "dbt/compiled", "dbt/run")
# Types whose values cannot show a number of a person or a name.
NOT_TEXT = r"(BOOLEAN|DOUBLE|FLOAT|DATE|TIME.*|INTERVAL|U?TINYINT|U?SMALLINT|U?INTEGER|UUID|ENUM.*)"
WHAT = {
    "mobile number": personal_data.MOBILE_NUMBER,
    "ID number": personal_data.ID_NUMBER,
    "IP address": personal_data.IP_ADDRESS,
}
# A machine's own address in a log tells of nobody.
OWN_ADDRESS = re.compile(r"\b(127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|0\.0\.0\.0)\b")


@dataclass(frozen=True)
class Hit:
    """Personal data at a place relative to GMW_HOME: a column of a table or of a Parquet file, or a file. Never its value."""

    place: str
    what: str
    count: int


def scan(names: list[str] | None = None) -> list[Hit]:
    """Search everything below GMW_HOME for mobile numbers, ID numbers, IP addresses and given names.

    Searched are all columns of all DuckDB and Parquet files (text, whole numbers, lists and objects) and all other files as text
    (workbooks by their parts, .gz unpacked), but not the landing, the secrets and the drop folder. Columns that are declared
    `may_contain_numbers` are searched for names only.
    Args: names: of people, to be looked for as they are. Returns: where something was found.
    Raises: FileNotFoundError when there is nothing to search; duckdb.IOException when a database is being written.
    """
    patterns = dict(WHAT)
    if names:
        patterns["name"] = "|".join(sorted(map(re.escape, set(names)), key=len, reverse=True))
    hits = []
    files = list(_files())
    if not files:
        raise FileNotFoundError(f"expected an installation to search at {settings().home}, found no file there; set GMW_HOME")
    for path in files:
        place = str(path.relative_to(settings().home))
        search = {".duckdb": _in_database, ".parquet": _in_parquet}.get(path.suffix, _in_file)
        hits += search(path, place, patterns)
    return hits


def _files() -> Iterator[Path]:
    home = settings().home
    elsewhere = [settings().drop, *(home / name for name in NOT_SEARCHED)]
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.is_symlink() and not any(path.is_relative_to(folder) for folder in elsewhere):
            yield path


def _in_database(path: Path, place: str, patterns: dict[str, str]) -> list[Hit]:
    hits = []
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where not internal and not temporary order by all"
        ).fetchall()
        for schema, table in tables:
            hits += _in_rows(connection, f"{quoted(schema)}.{quoted(table)}", f"{place}: {schema}.{table}", patterns)
    return hits


def _in_parquet(path: Path, place: str, patterns: dict[str, str]) -> list[Hit]:
    with duckdb.connect() as connection:
        return _in_rows(connection, f"read_parquet({literal(str(path))}, hive_partitioning = false)", f"{place}: ", patterns)


def _in_rows(connection: duckdb.DuckDBPyConnection, rows: str, place: str, patterns: dict[str, str]) -> list[Hit]:
    """Search the columns of some rows. `rows`: SQL of a table."""
    numbers_allowed = {column.name for source in declarations() for column in source.columns if column.may_contain_numbers}
    columns = connection.execute(
        f"select column_name from (describe select * from {rows}) where not regexp_full_match(column_type, {literal(NOT_TEXT)})"
    ).fetchall()
    searched = [
        (name, what, pattern) for (name,) in columns for what, pattern in patterns.items()
        if what == "name" or name not in numbers_allowed
    ]
    if not searched:
        return []
    counted = ", ".join(
        f"count(*) filter (regexp_matches({quoted(name)}::varchar, {literal(pattern)}))" for name, _, pattern in searched
    )
    counts = connection.execute(f"select {counted} from {rows}").fetchone()
    return [
        Hit(f"{place}{'' if place.endswith(' ') else '.'}{name}", what, count)
        for (name, what, _), count in zip(searched, counts, strict=True) if count
    ]


def _in_file(path: Path, place: str, patterns: dict[str, str]) -> list[Hit]:
    counted = ", ".join(f"len(regexp_extract_all($text, {literal(pattern)}))" for pattern in patterns.values())
    counts = [0] * len(patterns)
    # DuckDB's matcher takes thousands of names at once without slowing down.
    with duckdb.connect() as connection:
        for text in _texts(path):
            found = connection.execute(f"select {counted}", {"text": OWN_ADDRESS.sub("localhost", text.replace("\0", " "))}).fetchone()
            counts = [before + more for before, more in zip(counts, found, strict=True)]
    return [Hit(place, what, count) for what, count in zip(patterns, counts, strict=True) if count]


def _texts(path: Path) -> Iterator[str]:
    """The text of a file in pieces; of a workbook, its parts."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for part in archive.namelist():
                if part.endswith((".xml", ".txt", ".json", ".csv")):
                    yield from _pieces(archive.open(part))
    else:
        yield from _pieces(gzip.open(path) if path.suffix == ".gz" else open(path, "rb"))


def _pieces(file: IO[bytes]) -> Iterator[str]:
    with io.TextIOWrapper(file, encoding="utf-8", errors="replace") as text:
        while lines := text.readlines(1 << 20):
            yield "".join(lines)
