"""What Airflow finds in dags/ where 300 sources are declared. How long that takes is measured by `make bench-airflow`."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import airflow_sources
from tests.dags import dag_rules

COUNT = 300
OTHERS = {"build_marts", "export_kpis", "maintain", "watch_sources", "deliver_month", "deliver_quarter", "deliver_year"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory):
    """GIVEN a checkout that declares 300 sources and no others."""
    folder = tmp_path_factory.mktemp("many") / "checkout"
    airflow_sources.assemble(folder, COUNT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        yield folder


@pytest.fixture(scope="module")
def found(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """WHEN Airflow parses its DAG files."""
    return dag_rules.describe_folder(checkout / "dags", tmp_path_factory.mktemp("airflow"))


def test_no_dag_file_has_an_import_error(found: dict) -> None:
    assert found["import_errors"] == {}


def test_each_of_300_sources_has_its_dag_and_nothing_else_has_one(found: dict) -> None:
    assert set(found["dags"]) == {f"ingest_{airflow_sources.name_of(number)}" for number in range(COUNT)} | OTHERS


def test_the_dags_of_300_sources_keep_the_rules(found: dict) -> None:
    assert dag_rules.faults(found) == []


def test_the_build_waits_for_each_of_300_sources(found: dict) -> None:
    assert len(found["dags"]["build_marts"]["waits_for"]) == COUNT


def test_a_task_parses_its_own_dag_alone_and_as_it_is_among_all(
    checkout: Path, found: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow parses the DAG file in the process of each task, and says by these variables which one it needs."""
    dag_id = f"ingest_{airflow_sources.name_of(1)}"
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "load")
    alone = dag_rules.describe_folder(checkout / "dags" / "ingest_survey_results.py", tmp_path)
    assert alone["dags"] == {dag_id: found["dags"][dag_id]}


def test_a_faulty_declaration_stops_no_task_of_another_source(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = airflow_sources.name_of(2)
    path = checkout / "dbt_project" / "models" / "staging" / name / f"_{name}__sources.yml"
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", f"ingest_{airflow_sources.name_of(1)}")
    whole = path.read_text("utf-8")
    path.write_text(whole.replace("schedule:", "shedule:"), "utf-8")
    try:
        alone = dag_rules.describe_folder(checkout / "dags" / "ingest_survey_results.py", tmp_path)
    finally:
        path.write_text(whole, "utf-8")
    assert (alone["import_errors"], len(alone["dags"])) == ({}, 1)
