"""`gmw airflow run` (what `make run` calls): a real scheduler, from the raw files to the workbook.

The installation is run twice, because a run takes minutes: first with the demonstration files, then again with one more file,
a faulty one. So the second run also shows that files that were loaded before are not loaded again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import openpyxl
import psutil
import pytest

from expectations.scan import scan
from ingest.declaration import declarations
from tests.conftest import SECRET, Sample
from tests.dags.processes_of import working_in
from tests.integration.notified import WebServer
from tests.personal import names_of_people

GMW = Path(sys.executable).parent / "gmw"
TIME_LIMIT = 900
FAULTY_FILE = "诉求台账_2026-10.csv"
MISSING_COLUMN = "办理情况"
SOURCES = {source.name for source in declarations()}


@dataclass(frozen=True)
class Run:
    """What one run said and left behind. `dag_runs` and `tasks` count Airflow's own records, by name and state."""

    code: int
    output: str
    dag_runs: Counter
    tasks: Counter
    left_over: list[psutil.Process]
    version: Path
    notices: list[dict]


@pytest.fixture(scope="module")
def folder(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GIVEN an empty installation (`home`) and the demonstration files in its drop folder (`drop`)."""
    folder = tmp_path_factory.mktemp("scheduler")
    shutil.copytree(sample.raw, folder / "drop")
    return folder


@pytest.fixture(scope="module")
def first(folder: Path) -> Run:
    """WHEN everything runs."""
    return run_to_end(folder)


@pytest.fixture(scope="module")
def second(sample: Sample, folder: Path, first: Run) -> Run:
    """WHEN a file without one of its columns arrives and everything runs again, and a webhook is told."""
    lines = [line.split(",") for line in (sample.raw / "issue_ledger" / "诉求台账_2026-09.csv").read_text("utf-8-sig").splitlines()]
    position = lines[0].index(MISSING_COLUMN)
    faulty = "\n".join(",".join(cells[:position] + cells[position + 1 :]) for cells in lines)
    (folder / "drop" / "issue_ledger" / FAULTY_FILE).write_text(faulty, "utf-8")
    with WebServer() as web:
        hook = {"GMW_NOTIFY_WEBHOOK": "duty_hook", "AIRFLOW_CONN_DUTY_HOOK": web.connection("a secret of the receiver")}
        run = run_to_end(folder, hook)
    return replace(run, notices=[json.loads(body) for _, body in web.requests])


def test_every_dag_succeeds(first: Run):
    assert first.code == 0, first.output
    expected = {(name, "success"): 1 for name in (*(f"ingest_{source}" for source in SOURCES), "export_kpis", "maintain")}
    # The watch runs every hour, so the end of one may fall into the run.
    assert {key: count for key, count in first.dag_runs.items() if key[0] not in ("build_marts", "watch_sources")} == expected
    assert {state for dag_id, state in first.dag_runs if dag_id == "watch_sources"} == {"success"}


def test_all_sources_are_built_together(first: Run):
    assert first.tasks[("build_marts", "publish", "success")] == 1
    assert {state for dag_id, _, state in first.tasks if dag_id == "build_marts"} <= {"success", "skipped"}


def test_the_marts_that_were_published_have_kpi_values_of_this_run(first: Run):
    rows, runs = query(first, "select count(*), list(distinct run_id) from kpi_value")
    assert rows > 1000
    assert len(runs) == 1
    assert runs[0].startswith("asset_triggered__")


def test_the_workbook_is_there_and_the_output_says_where(first: Run, folder: Path):
    exports = folder / "home" / "exports" / "current"
    assert openpyxl.load_workbook(exports / "kpi.xlsx", read_only=True).sheetnames
    for name in ("kpi.xlsx", "kpi.csv", "index.html"):
        assert (exports / name).stat().st_size > 1000
        assert f"/{name}" in first.output


def test_the_output_shows_each_step_with_its_seconds(first: Run):
    for source in SOURCES:
        assert re.search(rf"^ *\d+\.\d s  ingest_{source}\.gate_raw success$", first.output, re.MULTILINE)


def test_no_process_is_left_over(first: Run, second: Run):
    assert first.left_over == second.left_over == []


def test_a_file_without_a_column_makes_the_run_fail_and_names_expected_and_found_columns(second: Run):
    assert second.code == 1, second.output
    told = second.output[second.output.index("FAILED: ingest_issue_ledger.report_blocked_files") :]
    assert FAULTY_FILE in told
    assert MISSING_COLUMN in told
    assert "编号" in told and "收集时间" in told


def test_a_blocked_file_is_not_tried_again(second: Run):
    assert second.output.count("ingest_issue_ledger.report_blocked_files failed") == 1
    assert "FAILED: ingest_issue_ledger.report_blocked_files, try 1" in second.output


def test_only_the_source_with_the_faulty_file_is_red(second: Run):
    assert [key for key in second.dag_runs if key[1] != "success"] == [("ingest_issue_ledger", "failed")]


def test_the_blocked_file_is_told_once_with_what_to_do_and_where_the_log_is(second: Run):
    (notice,) = [notice for notice in second.notices if notice["kind"] == "failure"]
    assert (notice["dag"], notice["task"], notice["source"]) == ("ingest_issue_ledger", "report_blocked_files", "issue_ledger")
    for part in (FAULTY_FILE, MISSING_COLUMN, "Put a corrected file where it came from", "docs/runbooks/failed_run.md"):
        assert part in notice["text"]
    assert notice["log"].startswith("http://127.0.0.1") and "report_blocked_files" in notice["log"]


@pytest.mark.parametrize(
    ("dag_id", "task_id", "said"),
    [
        ("ingest_issue_ledger", "land", r"land issue_ledger: \d+ files, 1 new with [\d,]+ bytes, \d+ known already, .*; [\d.]+ s"),
        ("ingest_issue_ledger", "load", r"load issue_ledger: 1 file, .* loaded \+ .* skipped, 1 file blocked; [\d.]+ s"),
        ("ingest_issue_ledger", "gate_raw", r"gate_raw issue_ledger: 0 batches with 0 rows, 0 accepted, 0 checks; [\d.]+ s"),
        ("build_marts", "dbt_build", r"models kpi_\*: \d+, [\d.]+ s"),
        ("build_marts", "dbt_build", r"slowest: model .* [\d.]+ s, .* [\d.]+ s"),
        ("build_marts", "dbt_build", r"dbt build: \d+ models, \d+ tests, \d+ seeds; [\d.]+ s"),
        ("build_marts", "gate_marts", r"gate_marts: \d+ checks on marts with [\d,]+ KPI rows; [\d.]+ s"),
        ("build_marts", "publish", r"publish .*: \d+ tables, [\d,]+ rows, [\d.,]+ MB; [\d.]+ s"),
        ("export_kpis", "export", r"export: 8 files of [\d,]+ KPI rows, [\d.,]+ MB; [\d.]+ s"),
        ("maintain", "purge_landed_files", r"0 landed files purged, 0 bytes, [\d.]+ s"),
        ("maintain", "compact_warehouse", r"build database [\d.,]+ MB, \d+% of it free: .*; [\d.]+ s"),
        ("maintain", "back_up", r"backup .*: \d+ tables, [\d,]+ rows, .*; [\d.]+ s, [\d.]+ s of them behind the writer lock"),
        ("maintain", "prove_restore", r"restore of .* proven: [\d,]+ rows .*, \d+ batches as in its ledger, .*; [\d.]+ s"),
        ("watch_sources", "tell_of_late_sources", r"\d+ source\(s\) became late, \d+ no longer; [\d.]+ s"),
    ],
)  # fmt: skip
def test_a_task_log_says_what_was_done_in_rows_and_seconds(second: Run, folder: Path, dag_id: str, task_id: str, said: str):
    logs = (folder / "home" / "airflow-run" / "logs" / f"dag_id={dag_id}").glob(f"*/task_id={task_id}/*.log")
    assert any(re.search(said, log.read_text("utf-8")) for log in logs)


def test_in_spite_of_a_faulty_file_a_new_version_is_published_and_exported(first: Run, second: Run, folder: Path):
    assert second.version != first.version
    assert os.readlink(folder / "home" / "exports" / "current") == second.version.name


def test_files_that_were_loaded_before_change_no_figure(first: Run, second: Run):
    figures = """
        select list((metric_code, rows, total) order by metric_code) from (
            select metric_code, count(*) as rows, round(sum(value), 6) as total from kpi_value group by metric_code)
    """
    assert query(first, figures) == query(second, figures)


def test_the_logs_hold_nothing_personal(second: Run, sample: Sample, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GMW_DROP_FOLDER", str(sample.raw))
    names = names_of_people()
    monkeypatch.setenv("GMW_HOME", str(folder / "home" / "airflow-run" / "logs"))
    assert scan(names) == []


def test_a_run_that_is_interrupted_leaves_no_process(sample: Sample, tmp_path: Path):
    shutil.copytree(sample.raw, tmp_path / "drop")
    with start(tmp_path) as process:
        for line in process.stdout:
            if "land running" in line or "land success" in line:
                break
        assert len(working_in(tmp_path / "home")) > 3
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert working_in(tmp_path) == []


def start(folder: Path, more: dict[str, str] | None = None) -> subprocess.Popen:
    """Start `gmw airflow run` on the installation in a folder. `more`: of its environment."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GMW_", "AIRFLOW"))}
    environment |= {
        "GMW_HOME": str(folder / "home"), "GMW_DROP_FOLDER": str(folder / "drop"), "COLUMNS": "120", "GMW_PERSON_KEY_SECRET": SECRET,
        **(more or {}),
    }  # fmt: skip
    return subprocess.Popen(
        [GMW, "airflow", "run", "--time-limit", str(TIME_LIMIT)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def run_to_end(folder: Path, more: dict[str, str] | None = None) -> Run:
    """Run everything once and note what Airflow's metadata database and the file system say afterwards."""
    with start(folder, more) as process:
        output, _ = process.communicate(timeout=TIME_LIMIT + 60)
    time.sleep(1)
    left_over = working_in(folder / "home")
    with closing(sqlite3.connect(folder / "home" / "airflow-run" / "airflow.db")) as metadata:
        dag_runs = Counter(metadata.execute("select dag_id, state from dag_run").fetchall())
        tasks = Counter(metadata.execute("select dag_id, task_id, state from task_instance").fetchall())
    current = folder / "home" / "published" / "current"
    assert current.exists(), output
    return Run(process.returncode, output, dag_runs, tasks, left_over, current.resolve(), [])


def query(run: Run, sql: str) -> tuple:
    """One row from the version that a run has published."""
    with duckdb.connect(str(run.version / "marts.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchone()
