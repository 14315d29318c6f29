"""A program that never outlives the process that started it: `python tethered.py PARENT PROGRAM [ARGUMENT…]`.

What is killed with SIGKILL cannot end its children. A dbt that went on would write beside the next run.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie(parent: int) -> None:
    """Let the kernel kill this process when the one that started it ends (Linux only). Args: parent: its process id."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended before we asked
        os.kill(os.getpid(), signal.SIGKILL)


def command(program: list[str]) -> list[str]:
    """The command that runs a program, given by its full path, tied to this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *program]


if __name__ == "__main__":
    tie(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])
