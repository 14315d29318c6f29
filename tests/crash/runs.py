"""One run of the pipeline in a process group of its own, killed with SIGKILL at a moment, or at a point of the code."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ingest.declaration import declarations
from ingest.settings import settings
from tests.crash.small_project import copy_home

STEPS = ("land", "load", "gate_raw", "build", "gate_marts", "publish", "export")
TIME_LIMIT_SECONDS = 900
# What Python tells of before it does it: files that appear, move and go, locks, children.
WATCHED = {
    "os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "fcntl.flock",
    "subprocess.Popen", "shutil.rmtree",
}  # fmt: skip


@dataclass(frozen=True)
class Kill:
    """Where to kill: at a moment (`after` seconds into a step), or at the `event`-th point of a step."""

    step: str
    source: str = ""
    after: float | None = None
    event: int | None = None


@dataclass
class Ran:
    """What became of a run. `steps`: (step, source) → seconds; `events`: the same → points met; `last`: the step that it was in."""

    was_killed: bool
    last: tuple[str, str]
    steps: dict[tuple[str, str], float] = field(default_factory=dict)
    events: dict[tuple[str, str], int] = field(default_factory=dict)
    failure: str = ""


def step_of(told: str) -> tuple[str, str]:
    """Step and source of what `run_all` tells: `issue_ledger: load`, `dbt: …`, `gate the marts`."""
    source, _, step = told.partition(": ")
    if source != "dbt" and step in ("land", "load", "gate"):
        return ("gate_raw" if step == "gate" else step), source
    if told.startswith(("dbt", "build")):
        return "build", ""
    return {"gate the marts": "gate_marts", "publish": "publish", "export": "export"}[told], ""


def run(
    run_id: str, log: Path, start: str = "land", kill: Kill | None = None, copies: dict[str, Path] | None = None, until: str = ""
) -> Ran:
    """Run the pipeline from a step on in a child process; see `Kill`.

    Args: run_id: of the run. log: takes what it prints. start: `land` runs everything (`gmw run`); a later one runs that step and
    those after it, as a scheduler does that repeats a failed task. copies: step → where to copy the installation before it; then
    the points of each step are counted, too. until: `gate_raw` ends the run after that step, as ingest DAGs do.
    """
    told_by, tell = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _child(run_id, log, start, kill, copies, until, tell)
    os.close(tell)
    ran = Ran(False, (start, ""))
    buffer, entered, wanted_at, is_entered = b"", started, None, False
    while True:
        wait = TIME_LIMIT_SECONDS if wanted_at is None else max(0.0, wanted_at - time.monotonic())
        readable, _, _ = select.select([told_by], [], [], wait)
        if not readable:
            os.killpg(child, signal.SIGKILL)
            break
        if not (data := os.read(told_by, 65536)):
            break
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            word, *rest = line.decode().split("\t")
            if word == "failed":
                ran.failure = rest[0]
            elif word == "events":
                ran.events[rest[0], rest[1]] = int(rest[2])
            else:
                now = time.monotonic()
                ran.steps[ran.last] = ran.steps.get(ran.last, 0.0) + now - entered
                ran.last, entered = (rest[0], rest[1]), now
                if kill and ran.last == (kill.step, kill.source) and not is_entered:
                    wanted_at, is_entered = (None if kill.after is None else now + kill.after), True
                elif is_entered and wanted_at is None and ran.last != (kill.step, kill.source):
                    wanted_at = now  # there was less to do than in the run that was measured, and the point was not met
    _, status = os.waitpid(child, 0)
    os.close(told_by)
    ran.steps[ran.last] = ran.steps.get(ran.last, 0.0) + time.monotonic() - entered
    ran.was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not ran.was_killed and status and not ran.failure:
        ran.failure = f"status {status}"
    return ran


def _child(run_id: str, log: Path, start: str, kill: Kill | None, copies: dict[str, Path] | None, until: str, tell: int) -> None:
    """The pipeline itself, in a session of its own; never returns."""
    code = 1
    try:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        points = Points(kill if kill and kill.event else None) if kill and kill.event or copies else None
        copied = set()

        def step(told: str) -> None:
            at = step_of(told)
            if copies and at[0] in copies and at[0] not in copied:
                copied.add(at[0])
                copy_home(settings().home, copies[at[0]])
            if points:
                points.enter(at)
                if told.startswith("dbt: "):
                    points.meet()
            os.write(tell, "\t".join(["step", *at]).encode() + b"\n")

        # What is killed in a step has to come to it, though nothing may be new; what is left alone need not build again.
        _pipeline(run_id, start, until, step, rebuild=kill is not None)
        if points:
            for (name, source), met in points.met.items():
                os.write(tell, f"events\t{name}\t{source}\t{met}\n".encode())
        code = 0
    except BaseException as error:
        traceback.print_exc()
        sys.stderr.flush()
        os.write(tell, f"failed\t{type(error).__name__}: {' '.join(str(error).split())[:500]}\n".encode())
    finally:
        sys.stdout.flush()
        os._exit(code)


def _pipeline(run_id: str, start: str, until: str, step: Callable[[str], None], rebuild: bool) -> None:
    from expectations.gate import gate_marts, gate_raw
    from exports.export import export
    from exports.publication import publish
    from ingest.landing import land
    from ingest.load import load
    from ingest.run import run_all

    if until == "gate_raw":
        for source in declarations():
            for name, work in (("land", land), ("load", load), ("gate", lambda source: gate_raw(source, run_id))):
                step(f"{source.name}: {name}")
                work(source.name)
        return
    if start == "land":
        blocked = run_all(run_id, None, step, lambda line: print(line, flush=True), rebuild)
        assert blocked == [], blocked
        return
    for name, told, work in (
        ("gate_marts", "gate the marts", lambda: gate_marts(run_id)),
        ("publish", "publish", lambda: publish(run_id)),
        ("export", "export", export),
    ):
        if STEPS.index(name) >= STEPS.index(start):
            step(told)
            work()


class Points:
    """The points of a run at which it can be killed: before each change of a file, before and after each fsync and each
    statement of DuckDB, at each line of dbt."""

    def __init__(self, kill: Kill | None) -> None:
        self.kill, self.at = kill, ("", "")
        self.met: dict[tuple[str, str], int] = {}
        sys.addaudithook(self._hear)
        os.fsync = self._around(os.fsync)
        for name in ("execute", "executemany", "close"):
            setattr(duckdb.DuckDBPyConnection, name, self._around(getattr(duckdb.DuckDBPyConnection, name)))

    def enter(self, at: tuple[str, str]) -> None:
        """A step begins (or goes on)."""
        self.at = at

    def meet(self) -> None:
        """A point is met: the end, when it is the one."""
        met = self.met[self.at] = self.met.get(self.at, 0) + 1
        if self.kill and self.at == (self.kill.step, self.kill.source) and met == self.kill.event:
            os.killpg(os.getpgid(0), signal.SIGKILL)

    def _hear(self, event: str, arguments: tuple) -> None:
        if event in WATCHED or (event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)):
            self.meet()

    def _around(self, function: Callable) -> Callable:
        def watched(*arguments, **named):
            self.meet()
            result = function(*arguments, **named)
            self.meet()
            return result

        return watched
