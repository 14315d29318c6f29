"""The demonstration district loses its warehouse, landing and publications, is restored, and runs once more: no figure changes.

It is also the test that running everything twice changes nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from ingest import backup, restore, warehouse
from ingest.declaration import declarations
from ingest.landing import land
from ingest.load import load
from ingest.run import run_all
from ingest.settings import settings
from tests.parsed import ParsedProject

FIGURES = "select * exclude (run_id) from kpi_value order by all"
COUNTS = """
    select schema_name || '.' || table_name, estimated_size from duckdb_tables()
    where schema_name in ('raw', 'ops', 'marts', 'kpis')
        and table_name not in ('data_test_passed', 'gate_failing_row', 'gate_result', 'run') order by 1
"""


def published(query: str) -> list[tuple]:
    with duckdb.connect(str((settings().published / "current").resolve() / "marts.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def stored(query: str) -> list[tuple]:
    with warehouse.reader() as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def copy(installation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GIVEN a copy of the installation, which may be destroyed. Returns its GMW_HOME."""
    shutil.copytree(installation / "home", tmp_path / "home", symlinks=True)
    monkeypatch.setenv("GMW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GMW_BACKUP_FOLDER", str(tmp_path / "backups"))
    return tmp_path / "home"


def test_a_lost_warehouse_is_restored_and_running_everything_again_changes_no_figure(
    copy: Path, parsed: ParsedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures, counts = published(FIGURES), stored(COUNTS)
    assert len(figures) > 100_000
    made = backup.create()
    for what in ("warehouse", "landing", "published", "exports", "dbt", "reports"):
        shutil.rmtree(copy / what)
    proof = restore.prove()
    assert (proof.rows, proof.landed_files) == (sum(made.rows.values()), len(list((settings().backups / "landing").glob("*/*/*"))))
    restore.apply(made.name)
    assert len(list((copy / "landing").glob("*/*/*"))) == made.landed_files
    assert published(FIGURES) == figures
    for source in declarations():
        assert not any(file.is_new for file in land(source.name))
        assert load(source.name) == []
    parsed.put_into(copy)
    monkeypatch.setattr("exports.export.export", lambda: None)  # nothing here is about the files that are made of what is published
    run_all("second", None, lambda step: None, print, rebuild=True)
    assert stored(COUNTS) == counts
    assert published(FIGURES) == figures
    assert published("select distinct run_id from kpi_value") == [("second",)]
