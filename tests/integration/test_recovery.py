"""What a kill or a power cut leaves: children end with their parent, bytes are not believed by their name."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ingest import tethered, warehouse
from ingest.build import BuildFailed, BuildKilled, build
from ingest.landing import land
from ingest.load import load
from ingest.settings import settings
from tests.conftest import rows_of
from tests.unit.arriving import ROW, issue_file
from tests.unit.ledger_project import Ledger, ledger  # noqa: F401

FORK = multiprocessing.get_context("fork")
ENDLESS = "select max(a.range * b.range) as entry_no from range(10000000) as a, range(10000000) as b"
PATIENCE_SECONDS = 60


def _dbt_of(pid: int) -> psutil.Process:
    """The dbt that works for a process, once its model runs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    log = settings().dbt_target / "dbt.log"
    while time.monotonic() < deadline:
        children = psutil.Process(pid).children()
        if children and log.exists() and "START sql table model" in log.read_text(errors="replace"):
            return children[0]
        time.sleep(0.1)
    raise AssertionError("dbt did not begin its model")


def _ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.fixture
def building(ledger: Ledger):  # noqa: F811
    """GIVEN a build whose only model never ends, in a process of its own."""
    ledger.stage(ENDLESS)
    process = FORK.Process(target=build, args=("killed", None, lambda line: None))
    process.start()
    yield process
    process.kill()
    process.join()


def test_dbt_ends_with_the_process_that_started_it_and_the_next_build_completes(
    building, ledger: Ledger, capfd: pytest.CaptureFixture  # noqa: F811
) -> None:
    dbt = _dbt_of(building.pid)
    os.kill(building.pid, signal.SIGKILL)  # the process alone, as the system does that is short of memory
    building.join(10)
    assert not psutil.wait_procs([dbt], timeout=5)[1] or _ended(dbt)
    ledger.stage("select 'A1' as entry_no")
    build("next", echo=lambda line: None)
    assert rows_of("from staging.stg_ledger__activity") == [("A1",)]
    assert re.search(rf"left by process {building.pid} .*\(prepare build killed|\(build killed\)", capfd.readouterr().err)
    assert list(settings().scratch.iterdir()) == []


def test_the_lock_is_held_as_long_as_a_child_writes_under_it(home: Path) -> None:
    """Where a system cannot end dbt with its parent, the next writer waits for it."""
    with warehouse.writer("make it"):
        pass
    with warehouse.lock("build") as held:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[held.fileno()])
    try:
        with pytest.raises(warehouse.WarehouseBusy):
            with warehouse.writer("the next load", timeout=0.2):
                pass
    finally:
        child.kill()
        child.wait()
    with warehouse.writer("the next load", timeout=1):
        pass


def test_a_build_that_failed_early_tells_nothing_of_an_earlier_one(ledger: Ledger) -> None:  # noqa: F811
    ledger.stage("{{ no such macro")
    settings().dbt_target.mkdir(parents=True)
    earlier = {"unique_id": "model.x", "status": "error", "message": "of an earlier build"}
    (settings().dbt_target / "run_results.json").write_text(json.dumps({"results": [earlier]}), encoding="utf-8")
    with pytest.raises(BuildFailed, match="(?s)left no results of a failing node.*Its last words.*ledger__activity"):
        build("next", echo=lambda line: None)


def test_a_build_whose_dbt_was_killed_says_so(ledger: Ledger) -> None:  # noqa: F811
    ledger.stage(ENDLESS)

    def kill(line: str) -> None:
        if "START sql table model" in line:
            (dbt,) = [child for child in psutil.Process().children() if str(settings().dbt_target) in child.cmdline()]
            dbt.kill()

    with pytest.raises(BuildKilled, match=r"found that it was killed \(signal 9\).*run it again"):
        build("second", echo=kill)


def test_a_tied_program_ends_when_its_parent_has_ended_before_it_began() -> None:
    script = f"import os, sys; sys.argv = ['', '1', '/bin/sleep', '60']; exec(open({tethered.__file__!r}).read())"
    assert subprocess.run([sys.executable, "-c", script], timeout=20).returncode == -signal.SIGKILL


def _landed(drop: Path) -> Path:
    issue_file(drop, "a.csv", ROW.format(1, ""), ROW.format(2, ""))
    land("issue_ledger")
    (path,) = [path for path in settings().landing.rglob("*") if path.is_file()]
    return path


@pytest.mark.parametrize("damage", ["cut short", "empty", "zeros"])
def test_a_landed_copy_that_is_not_the_file_is_replaced_by_the_next_landing(drop: Path, damage: str) -> None:
    copy = _landed(drop)
    whole = copy.read_bytes()
    copy.chmod(0o644)
    copy.write_bytes({"cut short": whole[:-10], "empty": b"", "zeros": bytes(len(whole))}[damage])
    assert [file.is_new for file in land("issue_ledger")] == [False]
    assert copy.read_bytes() == whole
    assert [(report.status, report.rows_loaded) for report in load("issue_ledger")] == [("loaded", 2)]


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_landed_copy_that_lost_bytes_is_not_loaded_and_the_other_files_are(drop: Path, is_gone: bool) -> None:
    copy = _landed(drop)
    copy.chmod(0o644)
    copy.unlink() if is_gone else copy.write_bytes(copy.read_bytes()[:-10])
    other = issue_file(drop, "b.csv", ROW.format(3, ""))
    land("issue_ledger", [other])
    first, second = sorted(load("issue_ledger"), key=lambda report: report.file_name)
    assert (first.status, second.status) == ("blocked", "loaded")
    found = "no file" if is_gone else "[0-9]+ bytes"
    assert re.search(f"expected the [0-9]+ bytes that were landed, found {found}", first.message)
    land("issue_ledger")
    assert [(report.status, report.rows_loaded) for report in load("issue_ledger")] == [("loaded", 2)]


def test_a_copy_that_a_killed_landing_left_is_cleared_by_the_next(drop: Path) -> None:
    issue_file(drop, "a.csv", ROW.format(1, ""))
    killed = subprocess.run(
        [sys.executable, "-c", "import os, signal\nos.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
         "from ingest.landing import land\nland('issue_ledger')"], cwd=Path(warehouse.__file__).parents[1],
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    assert len([path for path in settings().landing.rglob("*") if path.is_file()]) == 1
    land("issue_ledger")
    assert [path.parent.parent.name for path in settings().landing.rglob("*") if path.is_file()] == ["issue_ledger"]
