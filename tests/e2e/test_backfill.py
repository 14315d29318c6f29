"""A source behind an HTTP API in a real Airflow: scheduled runs go on, a backfill brings exactly its intervals, a run by hand the
rest.

Airflow is started once, with this source only; the models are not built.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tests.conftest import PROJECT, SECRET
from tests.integration import api_server
from tests.integration.api_server import Platform
from tests.integration.case_api import PATHS, SINCE, declare_api

TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).replace(hour=0, minute=0, second=0, microsecond=0)
# Runs in the copy of the project. After each step it waits until no run of the DAG is active, and tells what they were about.
PROGRAM = """
import json, subprocess, sys, time
from ingest.settings import settings
from orchestration.local_airflow import LocalAirflow

DAG = "ingest_case_api"

def runs(airflow):
    return airflow.all(f"/api/v2/dags/{DAG}/dagRuns", "dag_runs")

def wait_for(airflow, count):
    deadline = time.monotonic() + 400
    while True:
        found = runs(airflow)
        if len(found) >= count and all(run["state"] in ("success", "failed") for run in found):
            print("RUNS", json.dumps([(run["run_type"], run["state"]) for run in found]), flush=True)
            return
        if time.monotonic() > deadline:
            sys.exit(f"expected {count} finished runs, found {found}")
        airflow.check_alive()
        time.sleep(0.5)

with LocalAirflow(settings().home / "airflow", single_run=True) as airflow:
    airflow.wait_until_ready({DAG}, timeout=300)
    (land,) = [task for task in airflow.all(f"/api/v2/dags/{DAG}/tasks", "tasks") if task["task_id"] == "land"]
    print("LAND", json.dumps({key: land[key] for key in ("retries", "retry_delay", "retry_exponential_backoff")}), flush=True)
    airflow._request("PATCH", f"/api/v2/dags/{DAG}", json={"is_paused": False})
    wait_for(airflow, 1)
    print("SCHEDULED", flush=True)
    sys.stdin.readline()
    subprocess.run(
        [sys.executable, "-m", "airflow", "backfill", "create", "--dag-id", DAG, "--from-date", sys.argv[1], "--to-date", sys.argv[2]],
        env=airflow._environment, cwd=airflow.home, check=True, stdout=sys.stderr,
    )
    wait_for(airflow, 3)
    print("BACKFILLED", flush=True)
    sys.stdin.readline()
    airflow._request("POST", f"/api/v2/dags/{DAG}/dagRuns", json={"logical_date": None})
    wait_for(airflow, 4)
"""


def case(number: int, days_ago: int, text: str = "漏水") -> str:
    """A case of eight o'clock some days ago; of today: of the moment the day began."""
    moment = TODAY - timedelta(days=days_ago) + timedelta(hours=8 if days_ago else 0)
    return json.dumps({"id": number, "updated_at": moment.isoformat(), "问题": f"{text}{number}"}, ensure_ascii=False)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict, Platform, duckdb.DuckDBPyConnection]]:
    """GIVEN an installation with the one source. WHEN its DAG is switched on, two days are backfilled, and it is triggered by
    hand."""
    root = tmp_path_factory.mktemp("backfill")
    project, home = root / "project", root / "home"
    for name in ("ingest", "expectations", "exports", "orchestration", "dags", "dbt_project"):
        shutil.copytree(PROJECT / name, project / name, ignore=shutil.ignore_patterns("__pycache__", "target", "staging"))
    path, pagination = PATHS["page_number"]
    declare_api(
        project, {"path": path, "pagination": pagination, "incremental": SINCE | {"initial_value": "2020-01-01"}},
        {"delivery": {"mode": "upsert", "key": ["id"]}, "retries": 2},
    )  # fmt: skip
    platform = Platform([case(9 - days, days) for days in range(9, -1, -1)])
    server = api_server.serve(platform)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GMW_", "AIRFLOW"))}
    environment |= {
        "GMW_HOME": str(home), "GMW_PERSON_KEY_SECRET": SECRET, "PYTHONPATH": str(project),
        "AIRFLOW_CONN_CASE_PLATFORM": json.dumps({"conn_type": "http", "host": platform.url}),
    }  # fmt: skip
    days = [(TODAY - timedelta(days=ago)).isoformat() for ago in (5, 4)]
    told: dict[str, list] = {"RUNS": []}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *days], cwd=project, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        for line in process.stdout:
            what, _, facts = line.strip().partition(" ")
            if what in ("LAND", "RUNS"):
                told["RUNS"] = json.loads(facts) if what == "RUNS" else told["RUNS"]
                told |= {"LAND": json.loads(facts)} if what == "LAND" else {}
            if what == "SCHEDULED":
                told["asked"] = len(platform.asked)
                platform.records[4:6] = [case(4, 5, "修正"), case(5, 4, "修正")]
            if what in ("SCHEDULED", "BACKFILLED"):
                process.stdin.write("go on\n")
                process.stdin.flush()
    server.shutdown()
    server.server_close()
    assert process.returncode == 0
    with duckdb.connect(str(home / "warehouse" / "gmw_build.duckdb"), read_only=True) as connection:
        yield told, platform, connection


def day(days_ago: int) -> str:
    return f"{TODAY - timedelta(days=days_ago):%Y-%m-%d}"


def test_every_run_succeeds(story):
    told, _, _ = story
    assert sorted(told["RUNS"]) == [["backfill", "success"]] * 2 + [["manual", "success"], ["scheduled", "success"]]


def test_each_run_lands_its_interval(story):
    """The two days of the backfill may run in either order: Airflow promises none."""
    _, _, connection = story
    first, *backfilled, last = connection.execute(
        """
        select file_name, list(id order by id), any_value(problem) from ops.file
        join raw.case_api on _file_id = file_id group by file_name, retrieved_at order by retrieved_at
        """
    ).fetchall()
    assert [first, *sorted(backfilled), last] == [
        (f"case_api_{day(1)}.jsonl", list(range(9)), "漏水0"),
        (f"case_api_{day(5)}.jsonl", [4], "修正4"),
        (f"case_api_{day(4)}.jsonl", [5], "修正5"),
        (f"case_api_{datetime.now(ZoneInfo('Asia/Shanghai')):%Y-%m-%d}.jsonl", [9], "漏水9"),
    ]


def test_a_backfill_asks_the_api_for_nothing_else(story):
    told, platform, _ = story
    backfilled = platform.asked[told["asked"] : told["asked"] + 2]
    assert sorted((query["since"], query["until"]) for _, query in backfilled) == [
        ((TODAY - timedelta(days=ago)).isoformat(), (TODAY - timedelta(days=ago - 1)).isoformat()) for ago in (5, 4)
    ]


def test_landing_over_the_network_is_tried_again_as_declared_and_each_time_later(story):
    told, _, _ = story
    assert told["LAND"]["retries"] == 2
    assert told["LAND"]["retry_exponential_backoff"] == 2
