"""Connectors find what has arrived, and bring it to this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ingest.connectors import drop_folder, rest_api
from ingest.connectors.arrivals import Arrival, Arrivals, Interval, SourceUnavailable
from ingest.declaration import SourceDeclaration

CONNECTORS = {"drop_folder": drop_folder.arrivals, "rest_api": rest_api.arrivals}

__all__ = ["Arrival", "Arrivals", "Interval", "SourceUnavailable", "arrivals"]


@contextmanager
def arrivals(source: SourceDeclaration, interval: Interval | None = None) -> Iterator[Arrivals]:
    """What has arrived for a source, by the connector that it declares.

    The files are there until the block ends. When the block raises, nothing counts as taken: the next call brings the same again.
    Args: source: the declaration. interval: the time that the load is about; None: up to now, from where the last load ended.
    Yields: Arrivals. Raises: what the connector raises; the message names source, expected, found and what to do.
    """
    with CONNECTORS[source.connector.type](source, interval) as found:
        yield found
