"""One new day through Airflow is measured on what it began with, with no setting of the caller, and a run that fails is no figure.

No scheduler starts here: `make bench` starts one.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bench import product, through_airflow
from bench.product import Took
from orchestration import airflow_run

# 2026-10-01 00:00:00 UTC.
BEGAN = 1790812800
PRINT_SETTINGS = """
import json, os
print(json.dumps({"peak_mb": [key for key in os.environ if key.startswith(("AIRFLOW", "GMW_"))]}))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """GIVEN an installation with a version, which is the current one, and two names of one file."""
    home = tmp_path / "product" / "home"
    (home / "published" / "1").mkdir(parents=True)
    (home / "published" / "1" / "marts").write_text("before the new day")
    (home / "published" / "1" / "history").hardlink_to(home / "published" / "1" / "marts")
    (home / "published" / "current").symlink_to("1")
    return home


def test_airflow_runs_on_the_installation_as_it_was_before(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = through_airflow.copy_of(home)
    assert (before / "published" / "1" / "marts").samefile(before / "published" / "1" / "history")
    (home / "published" / "1" / "marts").write_text("after the new day")
    found = []

    def run(folder: Path, drop: Path, stages: tuple[str, ...]) -> dict[str, Took]:
        assert (folder, drop, stages) == (home.parent, tmp_path / "files", (product.AIRFLOW,))
        found.append((folder / "home" / "published" / "current" / "marts").read_text())
        (home / "airflow-run").mkdir()
        metadata(home / "airflow-run" / "airflow.db")
        return {product.AIRFLOW: Took(99, 120, None)}

    monkeypatch.setattr(product, "measure", run)
    took = through_airflow.measure(home.parent, tmp_path / "files", before)
    assert found == ["before the new day"]
    assert (took.seconds, took.cpu_seconds, took.peak_mb, took.tasks) == (99, 120, None, 4)
    assert [path.name for path in home.parent.iterdir()] == ["home"]


def test_time_in_which_several_tasks_run_counts_once(tmp_path: Path) -> None:
    metadata(tmp_path / "airflow.db")
    assert through_airflow.parts(tmp_path / "airflow.db", BEGAN) == {
        "until_first_run": pytest.approx(20.5, abs=1e-3), "in_tasks": pytest.approx(10 + 5 + 7, abs=1e-3), "tasks": 4, "builds": 1,
    }  # fmt: skip


def test_a_run_of_airflow_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_run, "run_once", lambda: 1)
    with pytest.raises(RuntimeError, match="gmw airflow run: expected exit code 0, found 1"):
        product.run_stage(product.AIRFLOW)


def test_a_process_that_fails_is_told_with_what_it_printed() -> None:
    with pytest.raises(RuntimeError, match="(?s)exit code 1:.*FAILED: build_marts"):
        product.in_process([sys.executable, "-c", "print('FAILED: build_marts'); raise SystemExit(1)"], {})


def test_settings_of_the_caller_do_not_leak_into_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIRFLOW_HOME", "AIRFLOW__CORE__EXECUTOR", "GMW_HOME", "GMW_THREADS", "GMW_MEMORY_LIMIT"):
        monkeypatch.setenv(name, "1")
    took = product.in_process([sys.executable, "-c", PRINT_SETTINGS], {"GMW_DROP_FOLDER": "files"})
    assert sorted(took.peak_mb) == ["GMW_DROP_FOLDER", "GMW_MEMORY_LIMIT"]


def test_the_checkout_of_the_workload_has_the_dags(tmp_path: Path) -> None:
    checkout = product.assemble(tmp_path)
    assert {"build_marts.py", "export_kpis.py", "ingest_activity_logs.py"} <= {path.name for path in checkout.glob("dags/*.py")}


def metadata(database: Path) -> None:
    """Write what Airflow would know: two runs and one that waits; a task within the time of another, two alone, one not run."""
    tasks = [
        ("ingest_bench_case", "land", "success", at("00:00:24"), at("00:00:26")),
        ("ingest_bench_money", "load", "success", at("00:00:21"), at("00:00:31")),
        ("build_marts", "dbt_build", "success", at("00:00:40"), at("00:00:45")),
        ("build_marts", "dbt_build", "skipped", at("00:01:00"), at("00:01:07")),
        ("build_marts", "gate_marts", "skipped", None, None),
    ]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("create table dag_run (start_date timestamp)")
        connection.executemany("insert into dag_run values (?)", [(at("00:00:30"),), (at("00:00:20.5"),), (None,)])
        connection.execute(
            "create table task_instance (dag_id text, task_id text, state text, start_date timestamp, end_date timestamp)"
        )
        connection.executemany("insert into task_instance values (?, ?, ?, ?, ?)", tasks)


def at(time: str) -> str:
    """A time of the day as Airflow writes it to SQLite."""
    return f"2026-10-01 {time}"
