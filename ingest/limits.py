"""The disk is full, memory is not enough: said in words, with what to do, whichever library it was that noticed."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from ingest.settings import settings

FULL = (errno.ENOSPC, errno.EDQUOT)
# DuckDB's words for a disk without room: of the system, and when it may not spill any further.
FULL_TEXTS = ("No space left on device", "Disk quota exceeded", "max_temp_directory_size")
MEMORY_TEXTS = ("Out of Memory Error", "OutOfMemoryException", "std::bad_alloc", "MemoryError")
LONGEST_CAUSE = 300


class DiskFull(RuntimeError):
    """There was no room on the disk; the message says where, how much there is, and what to do."""


class OutOfMemory(RuntimeError):
    """Memory was not enough; the message says for what, how much was allowed, and what to do."""


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or what led to it, says that the disk is full."""
    return any(
        (isinstance(one, OSError) and one.errno in FULL) or any(text in str(one) for text in FULL_TEXTS) for one in _chain(error)
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or what led to it, says that memory was not enough."""
    return any(
        isinstance(one, MemoryError | duckdb.OutOfMemoryException) or any(text in str(one) for text in MEMORY_TEXTS)
        for one in _chain(error)
    )


def is_named(text: str) -> bool:
    """Whether a text says that the disk is full or that memory was not enough."""
    return any(words in text for words in (*FULL_TEXTS, *MEMORY_TEXTS))


@contextmanager
def explained(step: str) -> Iterator[None]:
    """Around a step (or, as a decorator, a function): a full disk or too little memory ends it with words.

    Args: step: what is being done, such as `publish`. Raises: DiskFull, OutOfMemory; every other error as it is.
    """
    try:
        yield
    except (DiskFull, OutOfMemory):
        raise
    except Exception as error:
        if is_disk_full(error):
            raise DiskFull(_disk_full(step, error)) from error
        if is_out_of_memory(error):
            raise OutOfMemory(_out_of_memory(step, error)) from error
        raise


def _disk_full(step: str, error: Exception) -> str:
    home = settings().home
    room = shutil.disk_usage(home)
    return (
        f"{step}: expected room on the disk of {home}, found {room.free / 1e6:,.0f} MB free of {room.total / 1e6:,.0f} MB "
        f"({_cause(error)}). Nothing is lost: what was loaded and published before is as it was. Make room (`du -sh {home}/*` "
        "shows what takes it; docs/runbooks/failed_run.md what may go), then run this again."
    )


def _out_of_memory(step: str, error: Exception) -> str:
    return (
        f"{step}: expected to need no more memory than GMW_MEMORY_LIMIT ({settings().memory_limit}) and the machine allow, found "
        f"that it needs more ({_cause(error)}). Nothing is lost: what was loaded and published before is as it was. Raise "
        "GMW_MEMORY_LIMIT where the machine has more memory, end what else runs there, or lower GMW_THREADS (each takes its "
        "share); then run this again."
    )


def _cause(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST_CAUSE else text[: LONGEST_CAUSE - 1] + "…"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
