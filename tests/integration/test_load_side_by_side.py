"""Several loads at once, and loads that are killed: a file is loaded once or not at all."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import zipfile
from pathlib import Path

import duckdb
import pytest

from ingest import landing, warehouse
from ingest import load as loader
from ingest.connectors import archives
from ingest.declaration import declaration
from ingest.landing import land
from ingest.load import BatchReport, load
from ingest.readers import header as header_of_tables
from ingest.scaffold import profile
from ingest.settings import settings
from tests.conftest import rows_of
from tests.unit.arriving import HEADER, ROW, issue_file

SPAWN = multiprocessing.get_context("spawn")


def _load_together(both_have_read) -> None:
    load("issue_ledger", tell=lambda line: both_have_read.wait(60) if line.endswith("storing") else None)


def _die_when_read() -> None:
    load("issue_ledger", tell=lambda line: os.kill(os.getpid(), signal.SIGKILL) if line.endswith("storing") else None)


def _die_in_the_transaction() -> None:
    loader.quarantine.keep = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    load("issue_ledger")


def _landed(drop: Path) -> None:
    issue_file(drop, "a.csv", ROW.format(1, ""), ROW.format(2, ""), "too,few")
    land("issue_ledger")


def test_a_file_that_two_processes_read_at_once_is_loaded_once(drop: Path) -> None:
    _landed(drop)
    both_have_read = SPAWN.Barrier(2)
    processes = [SPAWN.Process(target=_load_together, args=(both_have_read,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    assert rows_of("select rows_in, rows_loaded, rows_quarantined from ops.batch") == [(3, 2, 1)]
    assert rows_of("select count(*) from raw.issue_ledger") == [(2,)]


def test_the_warehouse_is_free_while_a_file_is_read(drop: Path) -> None:
    _landed(drop)
    told = []

    def write_something(line: str) -> None:
        told.append(line)
        with warehouse.writer("something else", timeout=1):
            pass

    load("issue_ledger", tell=write_something)
    assert [line.split(" in ")[0] for line in told] == ["a.csv: reading 0.0 MB", "a.csv: 3 rows read"]


@pytest.mark.parametrize("target", [_die_when_read, _die_in_the_transaction])
def test_a_killed_load_leaves_nothing_and_the_next_one_loads_the_file(drop: Path, target) -> None:
    _landed(drop)
    process = SPAWN.Process(target=target)
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert list(settings().scratch.iterdir())
    assert rows_of("select count(*) from ops.batch") == [(0,)]
    (report,) = load("issue_ledger")
    assert (report.rows_loaded, report.rows_quarantined) == (2, 1)
    assert list(settings().scratch.iterdir()) == []


def test_what_lies_on_disk_before_it_is_stored_names_nobody(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.load.IN_MEMORY_FACTOR", math.inf)
    issue_file(drop, "a.csv", ROW.format(1, "请回电19900001234"))
    land("issue_ledger")
    found = []

    def look(line: str) -> None:
        if line.endswith("storing"):
            (database,) = settings().scratch.glob("*/prepared.duckdb")
            with duckdb.connect(str(database), read_only=True) as connection:
                found.extend(connection.execute("from numbered_rows").fetchall())

    (report,) = load("issue_ledger", tell=look)
    assert isinstance(report, BatchReport) and len(found) == 1
    assert "张女士" not in str(found) and "19900001234" not in str(found)


def test_a_file_that_needs_more_memory_than_allowed_is_blocked_with_the_setting_to_raise(
    drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue_file(drop, "a.csv", *(ROW.format(number, "x" * 2000) for number in range(15_000)))
    land("issue_ledger")
    monkeypatch.setenv("GMW_MEMORY_LIMIT", "20MB")
    (report,) = load("issue_ledger")
    assert report.status == "blocked"
    assert "within GMW_MEMORY_LIMIT (20MB), found one that needs more; raise the limit" in report.message
    monkeypatch.delenv("GMW_MEMORY_LIMIT")
    (report,) = load("issue_ledger")
    assert (report.status, report.rows_loaded) == ("loaded", 15_000)


def test_rows_that_turn_out_too_many_for_memory_are_prepared_on_disk(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    issue_file(drop, "a.csv", *(ROW.format(number, "") for number in range(500_000)))
    land("issue_ledger")
    monkeypatch.setattr("ingest.load.IN_MEMORY_FACTOR", 0)
    monkeypatch.setenv("GMW_MEMORY_LIMIT", "140MB")
    monkeypatch.setenv("GMW_THREADS", "1")
    ways = []
    preparing = warehouse.preparing
    monkeypatch.setattr(warehouse, "preparing", lambda *args: ways.append(args[2]) or preparing(*args))
    (report,) = load("issue_ledger")
    assert ways == [True, False]
    assert (report.status, report.rows_loaded) == ("loaded", 500_000), report.message


@pytest.mark.parametrize(("name", "value"), [("GMW_MEMORY_LIMIT", "much"), ("GMW_MEMORY_LIMIT", "80%"), ("GMW_THREADS", "0")])
def test_a_limit_that_is_none_is_refused_by_name(home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"{name}: expected .*, found '{value}'"):
        settings()


def _die_while_reading() -> None:
    """End where the reader has all text before it, and the copies that it made of it."""
    header_of_tables.find = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    load("issue_ledger")


def _die_while_unpacking() -> None:
    archives._arrived_member = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    source = declaration("issue_ledger")
    zipped = source.connector.model_copy(update={"archive": "zip", "pattern": "issue_ledger/*"})
    landing.declaration = lambda _: source.model_copy(update={"connector": zipped})
    land("issue_ledger")


def _die_while_looking_at_a_sample(path: Path) -> None:
    profile.MAX_BYTES = path.stat().st_size - 1
    header_of_tables.find = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    with profile._bounded(path, "csv") as (part, _):
        header_of_tables.find(part)


@pytest.mark.parametrize("fault", ["gb18030", "nul", "archive", "sample"])
def test_text_that_names_people_does_not_outlive_a_killed_process_by_more_than_the_next_one(
    drop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    text = "\n".join([HEADER, ROW.format(1, "\0" if fault == "nul" else ""), ROW.format(2, ""), ""])
    arrived = drop / "issue_ledger" / "a.csv"
    arrived.parent.mkdir()
    arrived.write_text(text, encoding="gb18030" if fault == "gb18030" else "utf-8")
    if fault == "archive":
        with zipfile.ZipFile(arrived.with_suffix(".zip"), "w") as package:
            package.write(arrived, "a.csv")
        arrived.unlink()
    target, arguments = {
        "archive": (_die_while_unpacking, ()), "sample": (_die_while_looking_at_a_sample, (arrived,)),
    }.get(fault, (_die_while_reading, ()))  # fmt: skip
    if target is _die_while_reading:
        land("issue_ledger")
    process = SPAWN.Process(target=target, args=arguments)
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    named = [path for path in settings().scratch.rglob("*") if path.is_file() and "张女士".encode() in path.read_bytes()]
    assert named and not [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()]
    with warehouse.writer("something else"):
        assert not [path for path in named if path.exists()]
