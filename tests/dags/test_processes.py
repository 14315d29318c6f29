"""Whatever ends the program, what it started ends too. The processes are real and as stubborn as Airflow's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.dags.processes_of import working_in

# Like a scheduler with a task: it ignores TERM, its child has left its process group, and it would run on for long.
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"], preexec_fn=lambda: os.setpgid(0, 0))
print("started", flush=True)
time.sleep(100)
"""
PROGRAM = """
import sys, time
from pathlib import Path
from orchestration.processes import ProcessGroup
folder = Path(sys.argv[1])
with ProcessGroup(grace=0.5) as group:
    group.start("stubborn", [sys.executable, "-c", sys.argv[2]], environment={}, folder=folder, log=folder / "log")
    while "started" not in (folder / "log").read_text():
        time.sleep(0.02)
    print("ready", flush=True)
    if sys.argv[3] == "fails":
        raise RuntimeError("on purpose")
    if sys.argv[3] == "ends":
        sys.exit(0)
    time.sleep(300)
"""


def start(folder: Path, how: str) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), STUBBORN, how], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    return process


@pytest.mark.parametrize("how", ["ends", "fails"])
def test_nothing_is_left_when_the_program(tmp_path, how):
    process = start(tmp_path, how)
    assert process.wait(timeout=30) == (0 if how == "ends" else 1)
    assert working_in(tmp_path) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_nothing_is_left_after(tmp_path, number, code):
    process = start(tmp_path, "waits")
    assert len(working_in(tmp_path)) == 2
    process.send_signal(number)
    assert process.wait(timeout=30) in (code, -number)
    assert working_in(tmp_path) == []


def test_a_second_ctrl_c_does_not_interrupt_the_stop(tmp_path):
    process = start(tmp_path, "waits")
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    assert working_in(tmp_path) == []


def test_a_worker_whose_scheduler_was_killed_is_ended_too(tmp_path):
    process = start(tmp_path, "waits")
    leader = next(member for member in working_in(tmp_path) if os.getsid(member.pid) == member.pid)
    leader.kill()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    assert working_in(tmp_path) == []
