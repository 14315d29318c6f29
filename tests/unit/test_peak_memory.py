"""Memory is measured for what is measured: not what this process took before, nor what the one took that started it."""

from __future__ import annotations

import subprocess
import sys

from bench.memory import peak_memory
from tests.conftest import PROJECT

TAKEN_MB = 300
TAKE = f"taken = b'x' * ({TAKEN_MB} << 20)"
MEASURE = "from bench.memory import peak_memory\nwith peak_memory() as peak:\n    pass\nprint(peak.own)"


def test_the_most_that_was_taken_before_does_not_count() -> None:
    taken = b"x" * (TAKEN_MB << 20)
    del taken
    with peak_memory() as before:
        pass
    with peak_memory() as peak:
        taken = b"x" * (TAKEN_MB << 20)
        del taken
    assert TAKEN_MB - 20 < peak.own - before.own < TAKEN_MB + 20


def test_a_process_does_not_begin_with_the_most_of_the_one_that_starts_it() -> None:
    started = f"import subprocess, sys\n{TAKE}\nsubprocess.run([sys.executable, '-c', {MEASURE!r}], check=True)"
    found = subprocess.run([sys.executable, "-c", started], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert float(found.stdout) < TAKEN_MB / 3


def test_a_process_that_is_started_is_measured_for_itself() -> None:
    with peak_memory() as peak:
        subprocess.run([sys.executable, "-c", TAKE], check=True)
        subprocess.run([sys.executable, "-c", "pass"], check=True)
    assert TAKEN_MB < peak.of_a_child < TAKEN_MB + 50
