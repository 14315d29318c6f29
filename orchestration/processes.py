"""Starts and ends processes so that none is left behind, whatever interrupts the program in between."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

GRACE_SECONDS = 5.0


class ProcessGroup:
    """The processes of one program, each in a session of its own; as a context manager it ends them all on leaving.

    Ctrl-C and SIGTERM end the block with an exception, but never in the middle of a start or of the stop.

    Args: grace: seconds that a process has to end after TERM, before KILL.
    """

    def __init__(self, grace: float = GRACE_SECONDS) -> None:
        self.grace = grace
        self.processes: dict[str, subprocess.Popen] = {}
        self._handlers: dict[int, object] = {}
        self._holding = False
        self._held_back: int | None = None

    def __enter__(self) -> ProcessGroup:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            with self._signals_held():
                end_sessions([process.pid for process in self.processes.values()], self.grace)
                for process in self.processes.values():
                    process.wait()
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def start(self, name: str, command: list[str], *, environment: dict[str, str], folder: Path, log: Path) -> subprocess.Popen:
        """Start a process that writes its output to the end of `log`."""
        with self._signals_held(), open(log, "ab") as output:
            self.processes[name] = subprocess.Popen(
                command,
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        return self.processes[name]

    def ended(self) -> dict[str, int]:
        """Name → exit code of the processes that are not running any more."""
        return {name: process.returncode for name, process in self.processes.items() if process.poll() is not None}

    def _interrupt(self, number: int, _frame: object) -> None:
        if self._holding:
            self._held_back = number
        else:
            _raise_for(number)

    @contextlib.contextmanager
    def _signals_held(self) -> Iterator[None]:
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._held_back is not None:
            number, self._held_back = self._held_back, None
            _raise_for(number)


def end_sessions(leaders: list[int], grace: float) -> None:
    """End all processes of some sessions: TERM, then KILL for what is left after the grace.

    Args: leaders: ids of the processes that lead the sessions. grace: seconds.

    The session is what holds together what was started: an Airflow task leaves the process group of its scheduler, and
    a worker whose scheduler was killed has another parent.
    """
    for name in ("terminate", "kill"):
        left = _members(leaders)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                getattr(process, name)()
        psutil.wait_procs(left, timeout=grace)


def _members(leaders: list[int]) -> list[psutil.Process]:
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            if os.getsid(pid) in leaders:
                found.append(psutil.Process(pid))
    return found


def _raise_for(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _end_with_parent() -> None:
    """In the new process: end when the program that started it is killed, even with SIGKILL (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
