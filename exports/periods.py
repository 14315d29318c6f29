"""Periods as people write them: `2026`, `2026-Q1`, `2026-03`, `all`, `wave:2026-03-10`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class Period:
    """One period as kpi_value names it; `start` None means whichever there is (all time)."""

    period_type: str
    start: date | None

    @property
    def end(self) -> date:
        """The first day after a month, quarter or year."""
        return _months_later(self.start, MONTHS[self.period_type])

    def __str__(self) -> str:
        if self.period_type == "month":
            return f"{self.start:%Y-%m}"
        if self.period_type == "quarter":
            return f"{self.start.year}-Q{self.start.month // 3 + 1}"
        if self.period_type == "year":
            return f"{self.start.year}"
        return "all" if self.start is None else f"{self.period_type}:{self.start}"


def parse_period(text: str) -> Period:
    """`2026`, `2026-Q1`, `2026-03`, `all`, `wave:2026-03-10` → Period. Raises: ValueError for anything else."""
    if text == "all":
        return Period("all", None)
    if found := re.fullmatch(r"wave:(\d{4}-\d\d-\d\d)", text):
        return Period("wave", date.fromisoformat(found[1]))
    if found := re.fullmatch(r"(\d{4})-Q([1-4])", text):
        return Period("quarter", date(int(found[1]), 3 * int(found[2]) - 2, 1))
    if found := re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text):
        return Period("month", date(int(found[1]), int(found[2]), 1))
    if re.fullmatch(r"\d{4}", text):
        return Period("year", date(int(text), 1, 1))
    raise ValueError(f"period: expected 2026, 2026-Q1, 2026-03, all or wave:2026-03-10, found {text!r}")


def parse_reported(text: str) -> Period:
    """A month, quarter or year to report on. Raises: ValueError for anything else."""
    period = parse_period(text)
    if period.period_type not in MONTHS:
        raise ValueError(f"period: expected a month, quarter or year, such as 2026-09, 2026-Q3 or 2026, found {text!r}")
    return period


def last_ended(period_type: str, day: date) -> Period:
    """The month, quarter or year that had ended last when a day began."""
    months = MONTHS[period_type]
    start = date(day.year, (day.month - 1) // months * months + 1, 1)
    return Period(period_type, _months_later(start, -months))


def _months_later(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)
