"""Tells of sources that are late: of each lateness once, and once when it is over."""

from __future__ import annotations

import time
from collections.abc import Callable

from ingest import freshness
from orchestration.notifications import Notice, send

WHAT_TO_DO = (
    "What to do: ask the producer, and look at the last run of its DAG. If the source has a slower rhythm, say so in its declaration "
    "(late_after_days). You are told again when files come, not before."
)


def tell(echo: Callable[[str], None]) -> None:
    """Send a notice of the sources that have become late, and one of those that are no longer.

    What no channel has taken is told again by the next check. Without channels the log is where it stands.

    Args: echo: takes one line per source. Raises: DeclarationError, WarehouseBusy.
    """
    started = time.monotonic()
    began, over = freshness.changes()
    if began:
        for one in began:
            echo(f"late: {one}")
        names = ", ".join(one.source for one in began)
        text = "\n".join([*(f"- {one}" for one in began), "", WHAT_TO_DO])
        if _is_told(Notice("late", f"{len(began)} source(s) late: {names}", text, source=names), echo):
            freshness.note(began, [])
    if over:
        echo(f"no longer late: {', '.join(over)}")
        text = "New files have come. Nothing is to be done: the next build uses what their gate accepted."
        if _is_told(Notice("arrived", f"no longer late: {', '.join(over)}", text, source=", ".join(over)), echo):
            freshness.note([], over)
    echo(f"{len(began)} source(s) became late, {len(over)} no longer; {time.monotonic() - started:.2f} s")


def _is_told(notice: Notice, echo: Callable[[str], None]) -> bool:
    sent = send(notice, echo)
    return not sent or any(why == "" for why in sent.values())
