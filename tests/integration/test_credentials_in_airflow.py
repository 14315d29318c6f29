"""A connection of Airflow's metadata store is read by a task, through Airflow's API, and by the installation's command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

STORE = """
from airflow.models import Connection
from airflow.utils.db import initdb
from airflow.utils.session import create_session
initdb()
with create_session() as session:
    session.add(Connection(conn_id="town_files", conn_type="sftp", host="files.example", login="gmw", password="from-the-store"))
"""

READ = """
from ingest.connectors.credentials import credentials
found = credentials("town_files", "ledger")
"""

DAG = """
from datetime import datetime
from airflow.sdk import DAG, task

with DAG("reads_a_connection", start_date=datetime(2026, 1, 1), schedule=None) as dag:
    @task
    def read():
        from ingest.connectors.credentials import credentials

        found = credentials("town_files", "ledger")
        print("told by the task:", found.host, found.password[::-1])

    read()

if __name__ == "__main__":
    assert dag.test().state == "success"
"""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """GIVEN an Airflow whose metadata store holds a connection. Returns the environment of the installation."""
    folder = tmp_path_factory.mktemp("airflow")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "GMW_HOME": str(folder / "home"), "AIRFLOW_HOME": str(folder / "airflow"), "PYTHONPATH": str(PROJECT),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db", "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
    }
    (folder / "dags").mkdir()
    (folder / "dags" / "reads.py").write_text(DAG)
    run(environment, "-c", STORE)
    return environment


def run(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_task_reads_it(airflow: dict[str, str]) -> None:
    told = run(airflow, str(Path(airflow["AIRFLOW__CORE__DAGS_FOLDER"]) / "reads.py"))
    assert "told by the task: files.example " + "from-the-store"[::-1] in told


def test_the_command_line_reads_it(airflow: dict[str, str]) -> None:
    told = run(airflow, "-c", READ + "print(found.host, found.password)")
    assert told.splitlines()[-1] == "files.example from-the-store"


def test_the_command_line_without_the_store_in_its_environment_says_where_it_looks(airflow: dict[str, str]) -> None:
    without = {name: value for name, value in airflow.items() if name != "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}
    told = run(without, "-c", "try:" + READ.replace("\n", "\n    ") + "\nexcept LookupError as error: print(error)")
    assert "the command line sees Airflow's own only where AIRFLOW__DATABASE__SQL_ALCHEMY_CONN is set" in told
