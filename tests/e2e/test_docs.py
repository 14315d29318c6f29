"""The SQL of the documentation runs on the published marts of the demonstration district, and finds something."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from exports import dictionary
from ingest.settings import settings
from tests.conftest import PROJECT


@pytest.mark.parametrize(("page", "least"), [("querying.md", 7), ("cookbook.md", 25)])
def test_every_query_of_the_documentation_runs_and_finds_rows(installation: Path, page: str, least: int) -> None:
    queries = re.findall(r"```sql\n(.*?)```", (PROJECT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    assert len(queries) >= least
    database = (settings().published / "current").resolve() / "marts.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        for query in queries:
            assert connection.execute(query).fetchall(), f"no rows: {query}"


def test_the_data_dictionary_is_as_written_and_has_every_published_column(installation: Path) -> None:
    assert (PROJECT / dictionary.PAGE).read_text(encoding="utf-8") == dictionary.page(), "run `gmw dictionary`"
    folder = (settings().published / "current").resolve()
    listed = {table.name: {column.name for column in table.columns} for table in dictionary.tables()}
    for file in ("marts.duckdb", "restricted.duckdb"):
        with duckdb.connect(str(folder / file), read_only=True) as connection:
            columns = connection.execute("select table_name, column_name from duckdb_columns() where schema_name = 'main' and not internal").fetchall()
        missing = {(table, column) for table, column in columns if column not in listed.get(table, ())}
        assert missing == set()


def test_no_chinese_meaning_is_of_a_column_that_is_gone() -> None:
    tables = dictionary.tables()
    columns = {name for table in tables for column in table.columns for name in (column.name, f"{table.name}.{column.name}")}
    assert set(dictionary.chinese()["columns"]) <= columns
    assert set(dictionary.chinese()["tables"]) == {table.name for table in tables}
