"""The benchmark of Airflow: its sources load as they were written, and it takes no failure for a success. No scheduler starts."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from bench import airflow_scale, airflow_sources
from bench.airflow_scale import LOCK_FAILURES, ROWS_EACH, faults, lines_in_logs, rows_in_warehouse
from ingest.connectors import Arrival, Arrivals
from ingest.declaration import read_declaration
from ingest.landing import land_arrivals
from ingest.load import load_landed
from tests.conftest import rows_of

GOOD = {
    "sources": 2,
    "ingest": {
        "states": {"success": 2}, "logs": {**dict.fromkeys(LOCK_FAILURES, 0), "waits": 3},
        "rows": {
            "batches": 2, "sources": 2, "accepted": 2, "in": 24, "loaded": 20, "quarantined": 2, "skipped": 2, "in_raw": 20,
        },
    },
}  # fmt: skip


def test_the_same_seed_gives_the_same_files_and_another_one_others(tmp_path: Path) -> None:
    for folder, seed in (("one", 1), ("same", 1), ("other", 2)):
        airflow_sources.deliver(tmp_path / folder, 3, seed)
    one, same, other = (
        [path.read_text("utf-8") for path in sorted((tmp_path / folder).rglob("*.csv"))] for folder in ("one", "same", "other")
    )
    assert one == same and len(set(one)) == 3
    assert not set(one) & set(other)


def test_a_source_loads_as_it_was_written_and_nobody_is_named(home: Path, tmp_path: Path) -> None:
    airflow_sources.declare(tmp_path / "staging", 1)
    airflow_sources.deliver(tmp_path / "files", 1)
    (declared,), (file,) = (tmp_path / "staging").rglob("*.yml"), (tmp_path / "files").rglob("*.csv")
    source, _ = read_declaration(declared, {})
    land_arrivals(source, Arrivals([Arrival(file, file.name, str(file))], is_complete=False))
    (report,) = load_landed(source)
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined, report.rows_skipped) == ROWS_EACH
    assert rows_of("select count(*) from raw.scale_000 where length(person) < 32 or remark like '%138%'") == [(0,)]
    assert rows_in_warehouse() | {"accepted": 1} == {
        "batches": 1, "sources": 1, "accepted": 1, "in": 12, "loaded": 10, "quarantined": 1, "skipped": 1, "in_raw": 10,
    }


def test_what_is_as_it_should_be_has_no_fault() -> None:
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"states": {"success": 1, "failed": 1}}, "DAG runs: expected 2 successes"),
        ({"states": {"success": 1}}, "DAG runs: expected 2 successes"),
        ({"logs": {"WarehouseBusy": 1}}, "logs: expected no line with 'WarehouseBusy', found 1"),
        ({"logs": {"database is locked": 4}}, "logs: expected no line with 'database is locked', found 4"),
        ({"rows": {"loaded": 19, "in_raw": 19}}, "rows: expected"),
        ({"rows": {"in_raw": 19}}, "rows: expected 20 in raw, as the ledger says, found 19"),
        ({"rows": {"accepted": 1}}, "batches: expected one accepted batch of each of 2 sources"),
    ],
)
def test_what_failed_is_a_fault(change: dict, told: str) -> None:
    result = copy.deepcopy(GOOD)
    for part, values in change.items():
        result["ingest"][part] = values if part == "states" else result["ingest"][part] | values
    (fault,) = faults(result)
    assert fault.startswith(told)


def test_lock_failures_are_found_in_every_log(tmp_path: Path) -> None:
    (tmp_path / "dag_id=ingest_a").mkdir()
    (tmp_path / "dag_id=ingest_a" / "1.log").write_text('{"event":"load a: waiting for process 7"}\n{"exc":"WarehouseBusy"}\n')
    (tmp_path / "scheduler.log").write_text("sqlite3.OperationalError: database is locked\nwell\n")
    assert lines_in_logs(tmp_path) == {"WarehouseBusy": 1, "Could not set lock": 0, "database is locked": 1, "waits": 1}


def test_a_run_with_a_fault_ends_with_an_error_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "performance.md"
    monkeypatch.setattr(airflow_scale, "PAGE", page)
    monkeypatch.setattr(airflow_scale, "PROJECT", tmp_path)
    monkeypatch.setattr(airflow_scale, "measure", lambda *_: GOOD | {"sources": 3})
    monkeypatch.setattr(airflow_scale, "report", lambda result: "")
    monkeypatch.setattr("sys.argv", ["bench", "--write"])
    with pytest.raises(SystemExit, match="DAG runs: expected 3 successes"):
        airflow_scale.main()
    assert not page.exists()
