"""What Airflow finds in dags/."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.declaration import declarations
from ingest.settings import settings
from tests.dags import dag_rules

INGEST_STEPS = ["land", "load", "gate_raw", "report_blocked_files"]
BUILD_STEPS = ["dbt_build", "gate_marts", "publish"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return dag_rules.describe_folder(settings().project / "dags", tmp_path_factory.mktemp("airflow"))


@pytest.fixture(scope="module")
def dags(found: dict) -> dict:
    return found["dags"]


def test_the_dags_keep_the_rules(found):
    declared = {f"ingest_{source.name}" for source in declarations() if source.catchup}
    assert dag_rules.faults(found, catching_up=declared) == []


def test_each_rule_is_seen_to_fail(tmp_path_factory):
    found = dag_rules.describe_folder(Path(__file__).with_name("failing_dags"), tmp_path_factory.mktemp("airflow"))
    assert dag_rules.faults(found) == [
        "does_not_parse.py: import error",
        "folder: parsing imports duckdb",
        "ingest_carelessly: doc_md lacks **Purpose**",
        "ingest_carelessly: doc_md lacks **Type**",
        "ingest_carelessly: doc_md lacks **Re-run**",
        "ingest_carelessly: doc_md lacks **Retries**",
        "ingest_carelessly: doc_md lacks **Owner**",
        "ingest_carelessly: catches up",
        "ingest_carelessly: more than one run at a time",
        "ingest_carelessly: tells nobody when a task was killed",
        "ingest_carelessly.load: writes outside the pool warehouse_writer",
        "ingest_carelessly.load: is not tried again, each time later, unless it would say the same again",
        "ingest_carelessly.load: tells nobody when it fails",
        "ingest_carelessly.gate_raw: takes 2 of the pool's slots instead of 1",
        "ingest_carelessly.gate_raw: is not tried again, each time later, unless it would say the same again",
        "ingest_carelessly.gate_raw: tells nobody when it fails",
    ]


def test_an_empty_folder_is_a_fault(tmp_path):
    assert dag_rules.faults(dag_rules.describe_folder(tmp_path, tmp_path / "airflow")) == ["folder: no DAG found"]


def test_there_is_one_ingest_dag_per_declared_source_and_nothing_else(dags):
    assert declarations()
    assert set(dags) == {f"ingest_{source.name}" for source in declarations()} | {
        "build_marts", "export_kpis", "maintain", "watch_sources", "deliver_month", "deliver_quarter", "deliver_year",
    }


def test_only_what_sends_reports_to_people_waits_until_it_is_switched_on(dags):
    assert {name for name, dag in dags.items() if dag["starts_paused"]} == {"deliver_month", "deliver_quarter", "deliver_year"}


@pytest.mark.parametrize("source", declarations(), ids=lambda source: source.name)
def test_an_ingest_dag_follows_its_declaration(dags, source):
    dag = dags[f"ingest_{source.name}"]
    assert dag["timetable"] == "CronDataIntervalTimetable"
    assert dag["cron"][0] == source.schedule
    assert source.time_zone in dag["cron"][1]
    assert dag["tags"] == sorted(["ingest", source.family])
    assert source.owner in dag["doc_md"]
    assert list(dag["tasks"]) == INGEST_STEPS
    assert in_line(dag, INGEST_STEPS)
    assert dag["tasks"]["gate_raw"]["emits"] == [f"raw_{source.name}"]


def test_build_marts_waits_for_any_source(dags):
    assert dags["build_marts"]["condition"] == "AssetAny"
    assert dags["build_marts"]["waits_for"] == sorted(f"raw_{source.name}" for source in declarations())


def test_build_marts_builds_gates_and_publishes_in_this_order(dags):
    assert list(dags["build_marts"]["tasks"]) == BUILD_STEPS
    assert in_line(dags["build_marts"], BUILD_STEPS)
    assert dags["build_marts"]["tasks"]["publish"]["emits"] == ["published_marts"]


def test_every_dag_waits_for_a_real_interval_or_for_assets(dags):
    """A bare cron would give runs an interval of no width."""
    kinds = {dag_id: dag["timetable"] for dag_id, dag in dags.items()}
    assert {dag_id for dag_id, kind in kinds.items() if kind != "CronDataIntervalTimetable"} == {"build_marts", "export_kpis"}


def test_maintain_purges_compacts_backs_up_and_proves_a_restore_every_night(dags):
    steps = ["purge_landed_files", "compact_warehouse", "back_up", "prove_restore"]
    assert dags["maintain"]["cron"][0] == "30 3 * * *"
    assert list(dags["maintain"]["tasks"]) == steps
    assert in_line(dags["maintain"], steps)


def test_late_sources_are_looked_for_every_hour(dags):
    assert dags["watch_sources"]["cron"][0] == "15 * * * *"


def test_a_waiting_build_goes_before_the_upkeep(dags):
    upkeep = [task["priority"] for dag_id in ("maintain", "watch_sources") for task in dags[dag_id]["tasks"].values()]
    assert max(upkeep) <= min(task["priority"] for task in dags["build_marts"]["tasks"].values())


def test_export_kpis_waits_for_the_publication(dags):
    assert dags["export_kpis"]["waits_for"] == ["published_marts"]
    assert list(dags["export_kpis"]["tasks"]) == ["export"]


def test_every_waiting_load_goes_before_a_waiting_build(dags):
    loads = [task["priority"] for dag_id, dag in dags.items() if dag_id.startswith("ingest_") for task in dag["tasks"].values()]
    builds = [task["priority"] * len(BUILD_STEPS) for task in dags["build_marts"]["tasks"].values()]
    assert min(loads) > max(builds)


def in_line(dag: dict, steps: list[str]) -> bool:
    """True when each step comes after the one before it (others may be upstream too)."""
    return dag["tasks"][steps[0]]["after"] == [] and all(
        step_before in dag["tasks"][step]["after"] for step_before, step in zip(steps, steps[1:], strict=False)
    )
