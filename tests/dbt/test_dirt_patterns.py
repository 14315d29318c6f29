"""The 94 patterns of dirt seen in real texts read as the table says. The SQL under test is the macros' own, one query per macro.

`tests/fixtures/dirt_patterns.tsv`: raw (⏎ is a line break) → expected, written down by hand; `note` says what a cell alone leaves open.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.dbt.macro_sql import rendered

PROJECT = Path(__file__).resolve().parents[2]
SEEDS = PROJECT / "dbt_project" / "seeds"
FIXTURE = PROJECT / "tests" / "fixtures" / "dirt_patterns.tsv"

Found = dict[str, dict[str, object]]


def patterns() -> list[dict[str, str]]:
    with FIXTURE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [{**row, "raw": row["raw"].replace("⏎", "\n")} for row in rows]


PATTERNS = patterns()


def connection_with(macro: str) -> duckdb.DuckDBPyConnection:
    """A database with the patterns of one macro in `cells` (id, raw, context) and the alias seeds."""
    connection = duckdb.connect()
    connection.execute("create table cells (id varchar, raw varchar, context varchar)")
    cells = [(row["id"], row["raw"], row["context"] or None) for row in PATTERNS if row["macro"] == macro]
    connection.executemany("insert into cells values (?, ?, ?)", cells)
    for seed in ("place_alias", "word_alias"):
        connection.execute(f"create table {seed} as from read_csv('{SEEDS / seed}.csv', all_varchar = true, delim = ',')")
    return connection


def rows_by_id(connection: duckdb.DuckDBPyConnection, query: str) -> Found:
    result = connection.execute(query)
    names = [column[0] for column in result.description]
    return {row[0]: dict(zip(names, row, strict=True)) for row in result.fetchall()}


def read_quantities() -> Found:
    parsed = rendered("{{ parsed_quantities('cells', 'raw', 'context') }}")
    return rows_by_id(
        connection_with("quantity"),
        f"select id, parsed.* from cells left join {parsed} as parsed"
        " on raw = raw_text and context is not distinct from stated_unit",
    )


def read_dates() -> Found:
    parsed = rendered("{{ parsed_dates('cells', 'raw', 'context') }}")
    return rows_by_id(
        connection_with("date"),
        f"select id, parsed.* from cells left join {parsed} as parsed"
        " on raw = raw_text and context::date is not distinct from context_date",
    )


def read_scales() -> Found:
    parsed = rendered("{{ parsed_quantities('cells', 'raw') }}")
    context = {name: f"regexp_extract(context, '{name}=([0-9]+)', 1)::bigint" for name in ("grant", "cap", "scale")}
    repaired = rendered(f"{{{{ scale_repaired('value', {context['grant']!r}, {context['cap']!r}, {context['scale']!r}) }}}}")
    return rows_by_id(
        connection_with("scale"),
        f"select id, value, unit, {repaired} as repaired from cells left join {parsed} on raw = raw_text",
    )


def read_places() -> Found:
    """The register knows the places under their names; one of them is written with ASCII brackets there."""
    connection = connection_with("place")
    connection.execute(
        """
        create table places as
        select
            'somewhere' as tree, 'somewhere:' || place_name as place_key, 'somewhere:' || parent_name as parent_place_key, place_name,
            false as is_unknown_member, null::date as valid_from, null::date as valid_to
        from (values
            ('伦教街道', null), ('康城尚域', null), ('金花社区', null), ('天府金花小区', '金花社区'), ('南桥社区A区', null),
            ('新南健康小屋', null), ('恒大金名都(东区)', null)
        ) as known (place_name, parent_name)
        """
    )
    names = rendered("{{ place_names('places', 'place_alias') }}")
    raw, context = rendered("{{ matchable_name('raw') }}"), rendered("{{ matchable_name('context') }}")
    return rows_by_id(
        connection,
        f"""
        select id, replace(replace(place_name, '(', '（'), ')', '）') as place
        from cells
        left join {names} as names on {raw} = spelling and {context} is not distinct from parent_spelling
        left join places on names.place_key = places.place_key
        """,
    )


def read_words() -> Found:
    query = rendered("select id, {{ repaired_words('raw', 'word_alias') }} as text from cells")
    return rows_by_id(connection_with("word"), query)


def read_texts() -> Found:
    return rows_by_id(connection_with("text"), rendered("select id, {{ repaired_text('raw') }} as text from cells"))


def read_cells() -> Found:
    return rows_by_id(connection_with("cell"), rendered("select id, {{ joined_cell('raw') }} as text from cells"))


READERS: dict[str, Callable[[], Found]] = {
    "quantity": read_quantities,
    "date": read_dates,
    "scale": read_scales,
    "place": read_places,
    "word": read_words,
    "text": read_texts,
    "cell": read_cells,
}


@pytest.fixture(scope="module")
def found() -> Found:
    return {pattern: columns for reader in READERS.values() for pattern, columns in reader().items()}


def as_written(value: object) -> str:
    """A value as the fixture writes it: NULL, true, 380000, 5.4, 2020-05-13."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text and text.replace(".", "").lstrip("-").isdigit() else text


def test_all_94_patterns_are_there() -> None:
    assert [row["id"] for row in PATTERNS] == [f"D{number:02}" for number in range(1, 95)]


@pytest.mark.parametrize("pattern", PATTERNS, ids=[row["id"] for row in PATTERNS])
def test_pattern_reads_as_the_table_says(pattern: dict[str, str], found: Found) -> None:
    expected = dict(item.split("=", 1) for item in pattern["expected"].split(" "))
    row = found[pattern["id"]]
    assert {name: as_written(row[name]) for name in expected} == expected
