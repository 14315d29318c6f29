"""What every connector hands to the landing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


class SourceUnavailable(RuntimeError):
    """A source could not be asked, or did not answer as declared. Nothing of it is landed; other sources are not concerned."""


@dataclass(frozen=True)
class Interval:
    """The time that a load is about, half-open, both with a time zone: the data interval of an Airflow run.

    `is_next`: it is the next one of a schedule. A connector that keeps a cursor then begins where the last load ended, so that an
    interval that no run was made for is not lost. Otherwise exactly this interval is asked for again (a backfill).
    """

    start: datetime
    end: datetime
    is_next: bool = False


@dataclass(frozen=True)
class Arrival:
    """One file that has arrived. `path` holds its bytes on this machine, `name` is what people call it (`as_of_pattern` is looked
    for in it), `address` says where it came from, without credentials. `version` is what the place it came from calls these bytes
    (an ETag, say): the same at the same address means the same bytes."""

    path: Path
    name: str
    address: str
    version: str | None = None


@dataclass(frozen=True)
class Unchanged:
    """A file that is still there and was not fetched again: its bytes have landed under `file_id`."""

    file_id: str
    name: str
    size_bytes: int


@dataclass(frozen=True)
class Refused:
    """A file that is there and could not be taken. `reason` says what was expected, what was found and what to do."""

    name: str
    address: str
    reason: str


class Unreadable(Exception):
    """A file cannot be taken; its text becomes the reason of a Refused."""


@dataclass(frozen=True)
class Arrivals:
    """The files that have arrived. `is_complete`: they are all that is there, so what is missing was taken away. `cursor`: where
    the next load begins, kept in the transaction of the landing; None: as it was."""

    files: list[Arrival]
    is_complete: bool
    refused: list[Refused] = field(default_factory=list)
    unchanged: list[Unchanged] = field(default_factory=list)
    cursor: str | None = None
