"""`gmw sql --csv` and `--parquet`: the result of a query as files, and nothing else is written or read."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from exports import publication
from ingest import cli
from tests.integration.test_publication import build_toy, query

QUERY = "select metric_code, period_start, value, n from kpi_value where place_key = 'qinghe' and breakdown_type = 'none' order by all"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GIVEN a published run."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMW_HOME", str(folder))
        build_toy("run-1")
        publication.publish("run-1")
        yield folder


def gmw_sql(*arguments: object):
    return CliRunner().invoke(cli.app, ["sql", *map(str, arguments)])


def test_the_result_goes_to_both_files_row_by_row(home: Path, tmp_path: Path) -> None:
    table, columns = tmp_path / "answer.csv", tmp_path / "answer.parquet"
    said = gmw_sql(QUERY, "--csv", table, "--parquet", columns)
    rows = query(home, QUERY)
    assert said.exit_code == 0 and f"{len(rows)} rows written" in said.output and len(rows) > 20
    assert duckdb.connect().execute(f"from '{columns}'").fetchall() == rows
    assert table.read_bytes().startswith(b"\xef\xbb\xbf")  # Excel takes it for UTF-8 by that
    with open(table, encoding="utf-8-sig", newline="") as file:
        heading, *found = csv.reader(file)
    assert heading == ["metric_code", "period_start", "value", "n"]
    told = [(code, str(start), value, n) for code, start, value, n in rows]
    assert [(code, start, float(value) if value else None, int(n) if n else None) for code, start, value, n in found] == told


def test_a_query_writes_and_reads_no_file_by_itself(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    for forbidden in (f"copy (from kpi_value) to '{tmp_path / 'leak.csv'}'", f"from '{secret}'", "delete from kpi_value"):
        assert gmw_sql(forbidden, "--csv", tmp_path / "answer.csv").exit_code != 0
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]
