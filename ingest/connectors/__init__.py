"""Connectors find what has arrived, and bring it to this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from ingest.connectors import archives
from ingest.connectors.arrivals import Arrival, Arrivals, Interval, Refused, SourceUnavailable, Unchanged, Unreadable
from ingest.connectors.names import shown
from ingest.declaration import SourceDeclaration

__all__ = [
    "Arrival", "Arrivals", "Interval", "Refused", "SourceUnavailable", "Unchanged", "Unreadable", "arrivals", "given",
]  # fmt: skip


@contextmanager
def arrivals(source: SourceDeclaration, interval: Interval | None = None) -> Iterator[Arrivals]:
    """What has arrived for a source, by the connector that it declares; members stand in place of archives.

    The files are there until the block ends. When the block raises, nothing counts as taken: the next call brings the same again.
    Args: source: the declaration. interval: the time that the load is about; None: up to now, from where the last load ended.
    Yields: Arrivals. Raises: what the connector raises; the message names source, expected, found and what to do.
    """
    # Named like its module, and only that one is imported: the libraries of remote stores take longer to import than a small file
    # takes to land, and each task of Airflow is a process of its own.
    connector = import_module(f"{__name__}.{source.connector.type}")
    with connector.arrivals(source, interval) as found, archives.unpacked(source, found) as unpacked:
        yield unpacked


@contextmanager
def given(source: SourceDeclaration, paths: list[Path]) -> Iterator[Arrivals]:
    """Files that somebody names, as if the source's connector had brought them, until the block ends.

    Raises: FileNotFoundError.
    """
    for path in paths:
        if not path.is_file():
            kind = "a folder" if path.is_dir() else "something that is no file" if path.exists() else "nothing"
            raise FileNotFoundError(
                f"source {source.name}: expected a file at {shown(str(path))}, found {kind}; give the paths of files"
            )
    found = Arrivals([Arrival(path, shown(path.name), shown(str(path))) for path in paths], is_complete=False)
    with archives.unpacked(source, found) as unpacked:
        yield unpacked
