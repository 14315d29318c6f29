"""Freshness: which sources are late against their own schedule, from the ledger.

A source is expected to bring its next file one rhythm after its newest one: the interval of its schedule, or the usual time between
its files where that is longer (a folder that is looked into every night and gets one file a month). It is late when half a rhythm, and
at least a day, has passed on top of that. `late_after_days` in the declaration says it outright.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from statistics import median
from zoneinfo import ZoneInfo

from croniter import croniter

from ingest import warehouse
from ingest.declaration import SourceDeclaration, declarations
from ingest.settings import settings

# The rhythm of a source is that of its last files.
FILES_LOOKED_AT = 13
LEAST_GRACE = timedelta(days=1)


@dataclass(frozen=True)
class Late:
    """A source that is late, or was. `newest`: what its newest file is about (a day in its name), else when it landed."""

    source: str
    owner: str
    newest: datetime
    rhythm: timedelta
    due_at: datetime

    def __str__(self) -> str:
        rhythm = self.rhythm / timedelta(days=1)
        return (
            f"{self.source}: expected a new file by {self.due_at:%Y-%m-%d %H:%M} UTC (its files come every {rhythm:,.1f} days), found none "
            f"since that of {self.newest:%Y-%m-%d}; owner {self.owner}"
        )


def late(now: datetime | None = None) -> list[Late]:
    """The sources that are late now, by name. A source of which nothing has ever come is not late: nobody knows its rhythm.

    Args: now: default: the time. Raises: DeclarationError, WarehouseBusy.
    """
    now = now or datetime.now(timezone.utc)
    if not settings().database.exists():
        return []
    with warehouse.reader() as connection:
        rows = connection.execute(
            """
            select source, list(distinct coalesce(as_of::timestamp at time zone 'UTC', retrieved_at)) as moments
            from ops.file where landed_path is not null group by source
            """
        ).fetchall()
    moments = {source: sorted(found)[-FILES_LOOKED_AT:] for source, found in rows}
    expected = [_expected(source, moments[source.name], now) for source in declarations() if source.name in moments]
    return [one for one in expected if one.due_at < now]


def _expected(source: SourceDeclaration, moments: list[datetime], now: datetime) -> Late:
    newest = moments[-1].astimezone(timezone.utc)
    if source.late_after_days is not None:
        rhythm = timedelta(days=source.late_after_days)
        return Late(source.name, source.owner, newest, rhythm, newest + rhythm)
    ticks = croniter(source.schedule, now.astimezone(ZoneInfo(source.time_zone)))
    last, one_before = ticks.get_prev(datetime), ticks.get_prev(datetime)
    between = [after - before for before, after in zip(moments, moments[1:], strict=False)]
    rhythm = max(last - one_before, median(between) if between else timedelta())
    return Late(source.name, source.owner, newest, rhythm, newest + rhythm + max(rhythm / 2, LEAST_GRACE))


def changes(now: datetime | None = None) -> tuple[list[Late], list[str]]:
    """What is to be told: the sources that are late and of which nobody was told, and those that are no longer late.

    Raises: as `late`.
    """
    found = late(now)
    if not settings().database.exists():
        return [], []
    with warehouse.reader() as connection:
        known = connection.execute("select count(*) from duckdb_tables() where schema_name = 'ops' and table_name = 'lateness'")
        told = set()
        if known.fetchone()[0]:
            told = {source for (source,) in connection.execute("select source from ops.lateness where over_at is null").fetchall()}
    return [one for one in found if one.source not in told], sorted(told - {one.source for one in found})


def note(began: list[Late], over: list[str]) -> None:
    """Write down that somebody was told: of each lateness once, and once that it is over. Raises: WarehouseBusy."""
    if not began and not over:
        return
    with warehouse.writer("note late sources") as connection, warehouse.transaction(connection):
        for one in began:
            connection.execute("insert into ops.lateness values (?, ?, now(), null)", [one.source, one.due_at])
        connection.execute(
            "update ops.lateness set over_at = now() where over_at is null and list_contains(?::varchar[], source)", [over]
        )
