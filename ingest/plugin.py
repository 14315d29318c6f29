"""What a package gives that reads a format of its own: a ReaderPlugin under an entry point of the group `gmw.readers`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from pydantic import BaseModel

GROUP = "gmw.readers"


@dataclass(frozen=True)
class Record:
    """One row. `row_no` leads a person to it in the file (a line, a record number); `values` are header → text."""

    row_no: int
    values: dict[str, str | None]


@dataclass(frozen=True)
class FaultyRecord:
    """A row that could not be read: it goes to quarantine. `reason` is a word with underscores, `expected` what a row is like."""

    row_no: int
    reason: str
    expected: str
    text: str


class UnreadableFile(ValueError):
    """A file that cannot be read as a whole; the message names expected, found and what to do. Its batch is blocked."""


@dataclass(frozen=True)
class ReaderPlugin:
    """A reader of one format. `options` are the keys that a declaration may give beside `type`; `read` takes the path of a file
    and the validated options, and yields every row once: a Record or a FaultyRecord. It raises UnreadableFile."""

    options: type[BaseModel]
    read: Callable[[Path, BaseModel], Iterator[Record | FaultyRecord]]


def names() -> list[str]:
    """The formats that installed packages bring."""
    return sorted({point.name for point in entry_points(group=GROUP)})


@cache
def load(name: str) -> ReaderPlugin:
    """The reader of that name. Raises: ValueError naming the package when it cannot be used; KeyError when there is none."""
    points = list(entry_points(group=GROUP, name=name))
    if not points:
        raise KeyError(name)
    packages = [point.dist.name for point in points]
    if len(points) > 1:
        raise ValueError(f"format {name}: expected one package that brings it, found {', '.join(packages)}; uninstall one")
    try:
        plugin = points[0].load()
    except Exception as error:  # a foreign package may fail in any way
        raise ValueError(
            f"format {name}: the package {packages[0]} cannot be loaded: {type(error).__name__}: {error}; install it anew, or "
            "tell those who maintain it"
        ) from error
    if not isinstance(plugin, ReaderPlugin):
        raise ValueError(
            f"format {name}: expected a ReaderPlugin in the package {packages[0]}, found {type(plugin).__name__}; tell those who "
            "maintain it"
        )
    return plugin
