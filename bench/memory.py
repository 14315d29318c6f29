"""The most memory that processes have taken: of this one, and of those that it starts.

What `getrusage` calls `ru_maxrss` is no use for that: it survives fork and exec, so a process begins with the most that the one
which started it had taken. `VmHWM` belongs to what the process itself has run since exec.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECONDS_BETWEEN_LOOKS = 0.01
RESET_PEAK = "5"
OWN_COMMAND = Path("/proc/self/cmdline")


@dataclass
class Peak:
    """Megabytes of resident memory, at most: of this process, and of the largest one that it started (0 without one)."""

    own: float = 0
    of_a_child: float = 0


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure a block. Yields: Peak, filled in when the block ends.

    Processes that the block starts are looked at all the time: their mark only rises, so what one takes in its last hundredth of a
    second is all that is missed.
    """
    Path("/proc/self/clear_refs").write_text(RESET_PEAK)
    peak, is_over = Peak(), threading.Event()

    def look_at_children() -> None:
        while not is_over.wait(SECONDS_BETWEEN_LOOKS):
            peak.of_a_child = max([peak.of_a_child, *map(_highest, _children())])

    looking = threading.Thread(target=look_at_children, daemon=True)
    looking.start()
    try:
        yield peak
    finally:
        is_over.set()
        looking.join()
        peak.own = _highest("self")


def _children() -> list[str]:
    """The processes that this one has started and that have begun their own program: until then they share its memory."""
    listed = (_read(path) for path in Path("/proc/self/task").glob("*/children"))
    return [child for child in " ".join(listed).split() if _read(Path(f"/proc/{child}/cmdline")) not in ("", _read(OWN_COMMAND))]


def _highest(process: str) -> float:
    """The mark of a process in megabytes; 0 when it has ended."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", _read(Path(f"/proc/{process}/status")), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0


def _read(path: Path) -> str:
    """What the kernel tells; nothing when the process or thread has ended."""
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
