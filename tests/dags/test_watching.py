"""How `gmw airflow run` knows that everything is done, and what it tells."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from orchestration.airflow_run import Snapshot, readable_log
from orchestration.progress import Progress

SOURCES = {"ingest_issue_ledger", "ingest_grant_ledger"}


def run(dag_id: str, state: str, run_id: str = "1") -> dict:
    return {"dag_id": dag_id, "dag_run_id": run_id, "state": state, "start_date": "2026-11-22T02:00:00Z"}


def task(dag_id: str, task_id: str, state: str | None, try_number: int = 1) -> dict:
    return {
        "dag_id": dag_id, "dag_run_id": "1", "task_id": task_id, "state": state, "try_number": try_number,
        "start_date": "2026-11-22T02:00:00Z", "end_date": None,
    }  # fmt: skip


LOADED = [run("ingest_issue_ledger", "success"), run("ingest_grant_ledger", "failed")]
PUBLISHED = [*LOADED, run("build_marts", "success"), run("export_kpis", "success")]


def test_a_run_is_over_when_two_looks_find_the_same_finished_runs():
    assert Snapshot(0, PUBLISHED, []).is_final(Snapshot(0, PUBLISHED, []), SOURCES)


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        (Snapshot(0, LOADED, []), Snapshot(0, PUBLISHED, []), "runs appeared in between"),
        (Snapshot(1, LOADED, []), Snapshot(1, LOADED, []), "an event waits for its build"),
        (Snapshot(0, LOADED[:1], []), Snapshot(0, LOADED[:1], []), "a source has not started"),
        (
            Snapshot(0, [*LOADED, run("build_marts", "running")], []),
            Snapshot(0, [*LOADED, run("build_marts", "running")], []),
            "the build runs",
        ),
        (
            Snapshot(0, [*LOADED, run("build_marts", "running")], []),
            Snapshot(0, [*LOADED, run("build_marts", "success")], []),
            "the build has ended just now, and may have triggered the export",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_run_is_not_over_while(before, now, why):
    assert not now.is_final(before, SOURCES)


def test_a_time_limit_names_what_was_still_due():
    snapshot = Snapshot(
        2,
        [run("ingest_issue_ledger", "running"), run("build_marts", "success")],
        [task("ingest_issue_ledger", "land", "success"), task("ingest_issue_ledger", "load", "running")],
    )
    assert snapshot.unfinished(SOURCES) == [
        "ingest_grant_ledger has not started",
        "ingest_issue_ledger is running: load running",
        "2 asset event(s) wait for a run of build_marts or export_kpis",
    ]


def test_a_task_that_was_only_held_back_by_another_is_not_reported_as_failed():
    tasks = [task("build_marts", "dbt_build", "failed"), task("build_marts", "publish", "upstream_failed")]
    assert [failed["task_id"] for failed in Snapshot(0, [], tasks).failed_tasks] == ["dbt_build"]


def test_a_task_log_is_reduced_to_what_the_task_printed_and_its_error():
    lines = [
        {"event": "::group::Log message source details"},
        {"event": "Filling up the DagBag", "logger": "airflow.dag_processing.dagbag.BundleDagBag"},
        {"event": "12 of 30 START sql table model", "logger": "task.stdout"},
        {
            "event": "Task failed with exception",
            "logger": "task",
            "error_detail": [
                {
                    "exc_type": "BuildFailed",
                    "exc_value": "dbt build failed\nmodel fct_case: 3 rows",
                    "frames": [
                        {"filename": "/venv/site-packages/airflow/sdk/x.py", "lineno": 1, "name": "execute"},
                        {"filename": "/project/ingest/build.py", "lineno": 47, "name": "build"},
                    ],
                }
            ],
        },
    ]
    assert readable_log(lines) == [
        "12 of 30 START sql table model",
        "BuildFailed: dbt build failed",
        "model fct_case: 3 rows",
        "  at /project/ingest/build.py:47 in build",
    ]


def test_a_long_task_log_is_cut_to_its_end_but_the_error_is_kept():
    lines = [{"event": f"line {number}", "logger": "task.stdout"} for number in range(100)]
    lines.append({"event": "failed", "error_detail": [{"exc_type": "E", "exc_value": "why", "frames": []}]})
    assert readable_log(lines, limit=2) == ["line 98", "line 99", "E: why"]


def test_without_a_terminal_each_change_of_state_is_one_line():
    output = io.StringIO()
    with Progress(time.monotonic() - 61, Console(file=output, width=200)) as progress:
        progress.show([], [task("build_marts", "dbt_build", "queued")])
        progress.show([], [task("build_marts", "dbt_build", "running")])
        progress.show([], [task("build_marts", "dbt_build", "running")])
        progress.show([], [task("build_marts", "dbt_build", "failed", try_number=2)])
    assert [line.split("s  ", 1)[1] for line in output.getvalue().splitlines()] == [
        "build_marts.dbt_build running",
        "build_marts.dbt_build failed (try 2)",
    ]
    assert output.getvalue().startswith("  61.")


def test_on_a_terminal_the_runs_are_a_table():
    output = io.StringIO()
    with Progress(time.monotonic(), Console(file=output, width=120, force_terminal=True)) as progress:
        progress.show([run("build_marts", "running")], [task("build_marts", "dbt_build", "running")])
        progress.say("stopping [Airflow]")
    shown = output.getvalue()
    assert "build_marts" in shown and "dbt_build" in shown and "stopping [Airflow]" in shown
    assert "[bold" not in shown and "[/]" not in shown
