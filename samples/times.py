"""The two years of the demonstration district, in months and quarters."""

from __future__ import annotations

from datetime import date

from samples.world import DATA_END, FIRST_DAY


def next_month(month: date, later: int = 1) -> date:
    """Return the first day of the month that comes `later` months after the one of this day."""
    number = month.year * 12 + month.month - 1 + later
    return date(number // 12, number % 12 + 1, 1)


def months(every: int = 1) -> list[date]:
    """Return the first days of the months with data, or of every so many of them."""
    found, month = [], FIRST_DAY
    while month < DATA_END:
        found.append(month)
        month = next_month(month, every)
    return found
