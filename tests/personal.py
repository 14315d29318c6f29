"""What is personal in the demonstration district: the names, numbers and codes of people that its files hold in the clear."""

from __future__ import annotations

import re

import duckdb

from ingest import readers
from ingest.connectors import arrivals
from ingest.declaration import declarations
from samples.gifts import RESIDENTS
from samples.matters import SURNAMES, TITLES

PEOPLE = {*RESIDENTS, *(surname + title for surname in SURNAMES for title in TITLES)}
CODE = re.compile(r"[UH][0-9]{7}\Z")


def clear_values() -> dict[tuple[str, str], set[str]]:
    """(source, column) → the values that its files hold in the clear, of every column that is declared personal."""
    found: dict[tuple[str, str], set[str]] = {}
    for source in declarations():
        private = [column.name for column in source.columns if column.personal in ("person", "household", "drop", "health")]
        in_the_clear = source.model_copy(
            update={"columns": [column.model_copy(update={"personal": None, "free_text": False}) for column in source.columns]}
        )
        with arrivals(source) as arrived:
            for file in arrived.files if private else []:
                connection = duckdb.connect()
                parsed = readers.read(connection, in_the_clear, file.path)
                for name in set(private) & set(parsed.columns):
                    rows = "numbered_rows" if parsed.is_prepared else "parsed"
                    values = connection.execute(f'select distinct trim("{name}"::varchar) from {rows}').fetchall()
                    found.setdefault((source.name, name), set()).update(value for (value,) in values if value)
    return found


def names_of_people() -> list[str]:
    """The names and person codes among them: those of organisations are no secret."""
    return sorted({value for values in clear_values().values() for value in values if value in PEOPLE or CODE.match(value)})
