"""The SQL of the documentation runs on the published marts of the demonstration district, and finds something."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

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
