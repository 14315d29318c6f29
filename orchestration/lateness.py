"""Tells of sources that are late: of each lateness once, and once when it is over. What late means: expectations/rhythm.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from expectations import rhythm
from ingest import warehouse
from ingest.declaration import declarations
from ingest.settings import settings
from orchestration.notifications import Notice, send

WHAT_TO_DO = (
    "What to do: ask the producer, and look at the last run of its DAG. If the source has a slower rhythm, say so in its "
    "declaration (late_after_days). You are told again when files come, not before."
)


@dataclass(frozen=True)
class Late:
    """A source that is late. `last_day`: up to which its newest accepted file speaks, or when it came. `usual_days` between its
    files, None where it has too few; `allowed_days`: after how many it is late."""

    source: str
    owner: str
    last_day: date
    usual_days: int | None
    allowed_days: int
    age_days: int

    def __str__(self) -> str:
        usual = f"its files come every {self.usual_days} days" if self.usual_days else "by its declaration"
        return (
            f"{self.source}: expected a file within {self.allowed_days} days of {self.last_day} ({usual}), found none that was "
            f"accepted for {self.age_days} days; owner {self.owner}"
        )


def late() -> list[Late]:
    """The declared sources that are late now, by name. A source of which nothing was ever accepted is not: nobody knows its rhythm.

    Raises: DeclarationError, WarehouseBusy.
    """
    if not settings().database.exists():
        return []
    owners = {source.name: source.owner for source in declarations()}
    with warehouse.reader() as connection:
        rows = connection.execute(f"{rhythm.overdue()} order by source").fetchall()
    return [Late(source, owners[source], *told) for source, *told in rows if source in owners]


def changes() -> tuple[list[Late], list[str]]:
    """What is to be told: the sources that are late and of which nobody was told, and those that are no longer late.

    Raises: as `late`.
    """
    found = late()
    if not settings().database.exists():
        return [], []
    with warehouse.reader() as connection:
        told = connection.execute("select source from ops.lateness where over_at is null").fetchall()
    names = {source for (source,) in told}
    return [one for one in found if one.source not in names], sorted(names - {one.source for one in found})


def note(began: list[Late], over: list[str]) -> None:
    """Write down that somebody was told: of each lateness once, and once that it is over. Raises: WarehouseBusy."""
    with warehouse.writer("note late sources") as connection, warehouse.transaction(connection):
        for one in began:
            connection.execute("insert into ops.lateness values (?, ?, now(), null)", [one.source, one.last_day])
        connection.execute(
            "update ops.lateness set over_at = now() where over_at is null and list_contains(?::varchar[], source)", [over]
        )


def tell(echo: Callable[[str], None]) -> None:
    """Send a notice of the sources that have become late, and one of those that are no longer.

    What no channel has taken is told again by the next check. Without channels the log is where it stands.

    Args: echo: takes one line per source. Raises: DeclarationError, WarehouseBusy.
    """
    started = time.monotonic()
    began, over = changes()
    if began:
        for one in began:
            echo(f"late: {one}")
        names = ", ".join(one.source for one in began)
        text = "\n".join([*(f"- {one}" for one in began), "", WHAT_TO_DO])
        if _is_told(Notice("late", f"{len(began)} source(s) late: {names}", text, source=names), echo):
            note(began, [])
    if over:
        echo(f"no longer late: {', '.join(over)}")
        text = "New files have come. Nothing is to be done: the next build uses what their gate accepted."
        if _is_told(Notice("arrived", f"no longer late: {', '.join(over)}", text, source=", ".join(over)), echo):
            note([], over)
    echo(f"{len(began)} source(s) became late, {len(over)} no longer; {time.monotonic() - started:.2f} s")


def _is_told(notice: Notice, echo: Callable[[str], None]) -> bool:
    sent = send(notice, echo)
    return not sent or any(why == "" for why in sent.values())
