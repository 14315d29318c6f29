"""What is due when: the rules of cadence and the public holidays, as the seeds of the warehouse list them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from samples.catalogue import seed

HOLIDAYS = {date.fromisoformat(row["day"]) for row in seed("public_holiday") if row["day_type"] == "holiday"}


@dataclass(frozen=True)
class Rule:
    """A rule of cadence: 每月10日 has day_of_month 10, 每周五 has weekday 5 (Monday is 1)."""

    code: str
    process: str
    record: str
    kind: str
    name: str
    frequency: str
    weekday: int | None
    day_of_month: int | None
    week_of_month: int | None


RULES = [
    Rule(
        row["rule_code"], row["process_code"], row["record"], row["kind"], row["name_zh"], row["frequency"],
        *(int(row[column]) if row[column] else None for column in ("weekday", "day_of_month", "week_of_month")),
    )
    for row in seed("recurrence_rule")
]  # fmt: skip


def windows(rule: Rule, first: date, end: date) -> list[tuple[date, date]]:
    """Return when something is due by a rule, as (first day, first day after), from `first` up to, not including, `end`.

    A day that falls on a holiday moves to the next day that is none; a weekday that is a holiday is not due.
    """
    found = []
    if rule.frequency == "weekly":
        day = first + timedelta(days=(-first.weekday() if rule.weekday is None else rule.weekday - 1 - first.weekday()) % 7)
        while day + timedelta(days=7 if rule.weekday is None else 1) <= end:
            if rule.weekday is None:
                found.append((day, day + timedelta(days=7)))
            elif day not in HOLIDAYS:
                found.append((day, day + timedelta(days=1)))
            day += timedelta(days=7)
        return found
    by_month: dict[tuple[int, int], list[date]] = defaultdict(list)
    for number in range((end - first).days):
        day = first + timedelta(days=number)
        by_month[day.year, day.month].append(day)
    for days in by_month.values():
        if rule.day_of_month == -1:
            found.append((days[-7], days[-1] + timedelta(days=1)))
        elif rule.day_of_month:
            found.append(_working(days[rule.day_of_month - 1]))
        elif rule.weekday and rule.week_of_month == -1:
            found.append(_working([day for day in days if day.isoweekday() == rule.weekday][-1]))
        elif rule.week_of_month == 1:
            found.append((days[0], days[7]))
        else:
            found.append((days[0], days[-1] + timedelta(days=1)))
    return found


def _working(day: date) -> tuple[date, date]:
    while day in HOLIDAYS:
        day += timedelta(days=1)
    return day, day + timedelta(days=1)
