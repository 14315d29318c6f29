"""What connectors share that ask for records through dlt: where the last load ended, the file that the records lie in, one load
at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import simplejson

from ingest import warehouse
from ingest.connectors.arrivals import Arrival, Arrivals, Interval, SourceUnavailable
from ingest.declaration import DeclarationError, SourceDeclaration
from ingest.settings import settings

if TYPE_CHECKING:
    from dlt.extract import DltResource

# dlt would look for each of its settings in Airflow's variables, and report to its maker how it is used.
os.environ |= {"PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false", "RUNTIME__DLTHUB_TELEMETRY": "false"}


class SourceBusy(SourceUnavailable):
    """Another process is asking the same source for records."""


@dataclass(frozen=True)
class Extraction:
    """One load of records from a source that is asked for them.

    `folder` is empty and is removed with all that is in it when the load has ended. `state` is dlt's state: what iterating a
    resource (`items`) leaves in it is where the next load begins, if the load moves the cursor. `start` and `end` are the bounds
    of the interval, half-open; None: from where the last load ended (from the initial value, when there was none); up to now.
    """

    source: SourceDeclaration
    folder: Path
    state: dict
    start: datetime | None
    end: datetime | None

    @property
    def moves_cursor(self) -> bool:
        """Whether the next load begins where this one ends; an interval that is asked for again leaves the cursor alone."""
        return self.start is None

    def file(self, ending: str) -> Path:
        """Path of the file of records, named after the day (of the source's time zone) up to which it speaks, for
        `as_of_pattern`.

        Args: ending: such as `jsonl`.
        """
        until = self.end - timedelta(microseconds=1) if self.end else datetime.now(timezone.utc)
        return self.folder / f"{self.source.name}_{until.astimezone(ZoneInfo(self.source.time_zone)):%Y-%m-%d}.{ending}"

    def items(self, resource: DltResource) -> Iterator:
        """The items of a dlt resource; its incremental cursor begins at `state` and is kept there.

        Raises: what the resource raises, without dlt's wrapping.
        """
        from dlt.common.configuration.container import Container
        from dlt.common.pipeline import StateInjectableContext
        from dlt.extract.exceptions import ResourceExtractionError

        with Container().injectable_context(StateInjectableContext(state=self.state)):
            items = iter(resource)
        try:
            yield from items
        except ResourceExtractionError as error:
            raise error.__cause__ or error from None

    def json_lines(
        self, records: Iterable[dict], address: str, default: Callable[[object], object] | None = None
    ) -> Arrivals:
        """Write the records as JSON lines, keys and numbers as they are, and hand them to the landing together with the cursor.

        Args: records: dicts; integers of any size and Decimal stay exact. address: where they come from, without secrets.
        default: turns a value that JSON does not have into one that it has. Returns: Arrivals; without records, without a file.
        Raises: what the iterator raises.
        """
        path = self.file("jsonl")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            for record in records:
                file.write(_line(record, default) + "\n")
        return self.arrivals([path] if path.stat().st_size else [], address)

    def arrivals(self, files: list[Path], address: str) -> Arrivals:
        """Hand files to the landing, together with the cursor, after all items have been iterated."""
        from dlt.common.json import json

        cursor = json.typed_dumps(self.state) if self.moves_cursor and self.state else None
        return Arrivals([Arrival(path, path.name, address) for path in files], is_complete=False, cursor=cursor)


def _line(record: dict, default: Callable[[object], object] | None) -> str:
    """A record as JSON; in ASCII only where it holds half a character, which UTF-8 cannot."""
    line = simplejson.dumps(record, ensure_ascii=False, default=default)
    try:
        line.encode()
    except UnicodeEncodeError:
        line = simplejson.dumps(record, default=default)
    return line


@contextmanager
def extraction(source: SourceDeclaration, interval: Interval | None) -> Iterator[Extraction]:
    """One load of a source that is asked for records; no other process asks this source until the block ends.

    Args: source: the declaration. interval: see `Interval`; None: from where the last load ended up to now.
    Raises: SourceBusy; DeclarationError when an interval is asked for again whose rows would then be there twice; WarehouseBusy.
    """
    is_again = interval is not None and not interval.is_next
    if is_again and source.delivery.mode == "append":
        raise DeclarationError(
            f"source {source.name}: expected a delivery that replaces what was loaded before (upsert with a key, or period), "
            f"found append: the rows of {interval.start:%Y-%m-%d %H:%M} to {interval.end:%Y-%m-%d %H:%M} would be there twice. "
            "Declare a key, or load without an interval."
        )
    with _alone(source) as folder:
        yield Extraction(
            source, folder, {} if is_again else _state(source), interval.start if is_again else None, interval and interval.end
        )


def _state(source: SourceDeclaration) -> dict:
    """dlt's state where the last load ended that was landed; empty when there was none."""
    from dlt.common.json import json

    with warehouse.writer(f"read the cursor of {source.name}") as connection:
        row = connection.execute("select state from ops.cursor where source = ?", [source.name]).fetchone()
    return json.typed_loads(row[0]) if row else {}


@contextmanager
def _alone(source: SourceDeclaration) -> Iterator[Path]:
    """An empty folder for one load of the source, removed at its end.

    The lock is an OS lock, which ends with its process. It is held until the landing has committed: the cursor that a load begins
    at is the one that it moves.
    """
    locks = settings().home / "extracting"
    locks.mkdir(parents=True, exist_ok=True)
    with open(locks / f"{source.name}.lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise SourceBusy(
                f"source {source.name}: process {lock.read() or '(unknown)'} is loading it now. Wait for it to end, then run "
                "this again."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        with warehouse.scratch() as folder:
            yield folder
