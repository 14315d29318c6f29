"""Lineage: what a run tells an OpenLineage server, and what happens when there is none."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from jsonschema import Draft202012Validator

from expectations import gate
from exports import export, publication
from ingest import lineage
from ingest.build import BuildFailed, build
from ingest.landing import land
from ingest.load import load
from tests.conftest import PROJECT
from tests.integration.test_publication import build_toy
from tests.unit.ledger_project import COLUMNS, PERSONAL, Ledger, ledger  # noqa: F401

SCHEMA = Draft202012Validator(json.loads((PROJECT / "tests" / "fixtures" / "openlineage_run_event.json").read_text()))
PEOPLE = ("王小明", "13912345678", "李四的登记表")


class Catalogue:
    """What a lineage server has received."""

    def __init__(self) -> None:
        self.events: list[dict] = []
        self.keys: set[str | None] = set()

    @property
    def ended(self) -> dict[str, dict]:
        """Job → its last event that is not a start."""
        return {event["job"]["name"]: event for event in self.events if event["eventType"] != "START"}

    def read(self, job: str) -> dict[str, dict]:
        return {dataset["name"]: dataset for dataset in self.ended[job]["inputs"]}

    def written(self, job: str) -> dict[str, dict]:
        return {dataset["name"]: dataset for dataset in self.ended[job]["outputs"]}

    def rows(self, job: str) -> dict[str, int]:
        """Written dataset → rows."""
        statistics = {name: found["outputFacets"]["outputStatistics"] for name, found in self.written(job).items()}
        return {name: found["rowCount"] for name, found in statistics.items() if "rowCount" in found}


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalogue]:
    """GIVEN a server that takes events, and an installation that is told to send them there."""
    found = Catalogue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/api/v1/lineage"
            found.keys.add(self.headers["Authorization"])
            found.events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    forget_senders(monkeypatch)
    monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "a-key")
    yield found
    server.shutdown()
    server.server_close()


def forget_senders(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client writes what it has read of the environment back into it; a sender lasts as long as its process."""
    import os

    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)
    for name in ("TYPE", "URL", "AUTH"):
        key = f"OPENLINEAGE__TRANSPORT__TRANSPORTS__DEFAULT_HTTP__{name}"
        monkeypatch.setenv(key, "")
        monkeypatch.delenv(key)
    monkeypatch.setattr(lineage, "_sender", None)


@pytest.fixture
def people(ledger: Ledger) -> Ledger:  # noqa: F811
    """GIVEN a ledger with names and telephone numbers, in a file that is named after somebody."""
    ledger.declare({**COLUMNS, **PERSONAL})
    ledger.file(
        "李四的登记表.csv", "1,12,2026-03-01,健康,王小明,打过 13912345678", "2,x,2026-03-02,健康,王小明,", "3,5,2026-03-03,,王小明,",
        header="编号,人数,日期,主题,姓名,备注",
    )  # fmt: skip
    return ledger


def test_what_arrives_is_told_with_columns_rows_and_checks_and_without_people(people, catalogue):
    land("ledger")
    load("ledger")
    gate.gate_raw("ledger", "run-1")

    for event in catalogue.events:
        SCHEMA.validate(event)
    assert [(event["job"]["name"], event["eventType"]) for event in catalogue.events] == [
        (f"{job}.ledger", state) for job in ("land", "load", "gate_raw") for state in ("START", "COMPLETE")
    ]
    assert catalogue.keys == {"Bearer a-key"}
    assert catalogue.rows("load.ledger") == {"gmw_build.raw.ledger": 2, "gmw_build.ops.quarantine": 1}
    raw = catalogue.written("load.ledger")["gmw_build.raw.ledger"]
    columns = {field["name"]: field["type"] for field in raw["facets"]["schema"]["fields"]}
    assert columns["people"] == "integer" and columns["day"] == "date" and "name" in columns
    assert catalogue.read("load.ledger").keys() == catalogue.written("land.ledger").keys() == {"landing/ledger"}
    checks = catalogue.read("gate_raw.ledger")["gmw_build.raw.ledger"]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert len(checks) > 3 and any(check["column"] == "entry_no" for check in checks if "column" in check)
    assert {"key": "run_id", "value": "run-1"} in catalogue.ended["gate_raw.ledger"]["run"]["facets"]["tags"]["tags"]
    told = json.dumps(catalogue.events, ensure_ascii=False)
    assert not [text for text in (*PEOPLE, str(people.folder), "a secret of the tests") if text in told]


def test_models_are_told_with_what_they_read_and_a_failed_one_without_its_values(people, catalogue):
    people.arrive()
    models = people.folder / "dbt_project" / "models" / "intermediate"
    models.mkdir(parents=True)
    (people.folder / "dbt_project" / "macros").mkdir()
    for macros in ("parts", "schema_names", "unchanged"):
        shutil.copy(PROJECT / "dbt_project" / "macros" / f"{macros}.sql", people.folder / "dbt_project" / "macros")
    shutil.copy(PROJECT / "dbt_project" / "profiles.yml", people.folder / "dbt_project")
    (models / "int_topic.sql").write_text("select topic, count(*) as entries from {{ source('ledger', 'ledger') }} group by all")
    (models / "int_topic.yml").write_text(
        "models:\n- name: int_topic\n  description: One row per topic.\n  columns:\n  - {name: entries, data_tests: [not_null]}\n"
    )
    (models / "int_busy_topic.sql").write_text("select * from {{ ref('int_topic') }} where entries > 1")
    (models / "int_wrong.sql").write_text("select cast('王小明' as integer) as wrong from {{ ref('int_topic') }}")
    with pytest.raises(BuildFailed, match="int_wrong"):
        build("run-1", echo=lambda line: None)

    for event in catalogue.events:
        SCHEMA.validate(event)
    jobs = {name.removeprefix("gmw_build."): event for name, event in catalogue.ended.items()}
    prefix, suffix = "intermediate.governance_metrics_warehouse.", ".build.run"
    topic, busy, wrong = (jobs[f"{prefix}{name}{suffix}"] for name in ("int_topic", "int_busy_topic", "int_wrong"))
    assert [dataset["name"] for dataset in topic["inputs"]] == ["gmw_build.raw.ledger"]
    assert [dataset["name"] for dataset in busy["inputs"]] == ["gmw_build.intermediate.int_topic"]
    assert busy["outputs"][0]["name"] == "gmw_build.intermediate.int_busy_topic"
    assert {dataset["namespace"] for event in jobs.values() for dataset in event["inputs"]} == {
        "duckdb://governance-metrics-warehouse", "file://governance-metrics-warehouse", "source://governance-metrics-warehouse",
    }  # fmt: skip
    assert (wrong["eventType"], jobs["build"]["eventType"]) == ("FAIL", "FAIL")
    assert jobs["build"]["run"]["facets"]["errorMessage"]["message"] == "BuildFailed"
    assert topic["run"]["facets"]["parent"]["run"]["runId"] == jobs["build"]["run"]["runId"]
    told = json.dumps([jobs["build"], *(event["run"] for event in catalogue.events)], ensure_ascii=False)
    assert not [text for text in PEOPLE if text in told]


def test_a_publication_is_told_with_its_version_columns_and_rows_and_the_export_after_it(home, catalogue):
    build_toy("run-1")
    folder = publication.publish("run-1")
    export.export()
    export.export("public")
    for event in catalogue.events:
        SCHEMA.validate(event)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert catalogue.rows("publish") == {f"marts.main.{table}": rows for table, rows in manifest["tables"].items()}
    kpi_value = catalogue.written("publish")["marts.main.kpi_value"]["facets"]
    assert kpi_value["version"]["datasetVersion"] == folder.name
    assert {field["name"]: field["type"] for field in kpi_value["schema"]["fields"]}["value"] == "DOUBLE"
    for job, place in (("export.internal", "exports"), ("export.public", "exports/public")):
        assert catalogue.read(job)["marts.main.kpi_value"]["facets"]["version"]["datasetVersion"] == folder.name
        assert {f"{place}/index.html", f"{place}/kpi.csv", f"{place}/kpi.xlsx"} <= set(catalogue.written(job))


def test_a_refused_publication_is_a_failed_run(home, catalogue):
    build_toy("run-1", gated=False)
    with pytest.raises(publication.PublicationRefused):
        publication.publish("run-1")
    failed = catalogue.ended["publish"]
    assert (failed["eventType"], failed["outputs"]) == ("FAIL", [])
    assert failed["run"]["facets"]["errorMessage"]["message"] == "PublicationRefused"


def test_events_of_airflow_name_the_run_of_the_dag_as_their_parent(people, catalogue, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "ingest_ledger")
    monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", "scheduled__2026-03-01")
    land("ledger")
    load("ledger")
    parents = [event["run"]["facets"]["parent"] for event in catalogue.events]
    assert {parent["job"]["name"] for parent in parents} == {"ingest_ledger"}
    assert len({parent["run"]["runId"] for parent in parents}) == 1


def test_events_go_to_a_file_where_the_client_is_told_so(people, tmp_path, monkeypatch):
    forget_senders(monkeypatch)
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "file")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", str(tmp_path / "events.jsonl"))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__APPEND", "true")
    land("ledger")
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"]


def test_nothing_is_sent_unless_it_was_switched_on(people, catalogue, monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    land("ledger")
    monkeypatch.delenv("OPENLINEAGE_DISABLED")
    monkeypatch.delenv("OPENLINEAGE_URL")
    load("ledger")
    assert catalogue.events == [] and lineage._sender is None


@pytest.mark.parametrize("silent", [True, False])
def test_a_server_that_does_not_answer_costs_a_process_seconds_and_no_run(people, monkeypatch, caplog, silent):
    """GIVEN a server that takes connections and says nothing, or none at all. WHEN many steps run. THEN they all end well, the
    waiting is over after the first, and one line says so."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if silent:
            listening.listen(50)
        forget_senders(monkeypatch)
        monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
        started = time.monotonic()
        for _ in range(5):
            land("ledger")
        load("ledger")
        gate.gate_raw("ledger", "run-1")
        seconds = time.monotonic() - started
    assert seconds < lineage.PATIENCE_SECONDS + 10
    assert [record.message for record in caplog.records if record.name == "ingest.lineage"] == [
        "OpenLineage: expected an answer within 2 s, found none. This process sends no more events, everything else goes on. Look "
        "at OPENLINEAGE_URL or the transport that is configured instead (docs/deployment.md)."
    ]
