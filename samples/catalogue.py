"""What the seeds of the warehouse say: which records a process leaves, the words for kinds, life-cycles, cadence, holidays."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

SEEDS = Path(__file__).parents[1] / "dbt_project" / "seeds"


@dataclass(frozen=True)
class Process:
    """A process of community life and the records that it leaves, as (record, kind)."""

    code: str
    name: str
    leaves: tuple[tuple[str, str], ...]


def seed(name: str) -> list[dict[str, str]]:
    """Return the rows of a seed."""
    with open(SEEDS / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def processes() -> dict[str, Process]:
    """Return the processes by code."""
    return {
        row["process_code"]: Process(
            row["process_code"], row["name_zh"], tuple(tuple(kind.split(".")) for kind in row["kinds"].split("|"))
        )
        for row in seed("process_catalogue")
    }


def leaving(record: str) -> list[tuple[Process, str]]:
    """Return every process that leaves a record of that type, with the kind."""
    return [(process, kind) for process in processes().values() for of, kind in process.leaves if of == record]


@cache
def words() -> dict[tuple[str, str], str]:
    """Return the Chinese word for each (record, kind)."""
    return {(row["record"], row["kind"]): row["name_zh"] for row in seed("kind")}


@cache
def machines() -> dict[tuple[str, str], str]:
    """Return the state machine of each (record, kind) that has one."""
    return {(row["record"], row["kind"]): row["machine"] for row in seed("kind") if row["machine"]}


@cache
def outcomes() -> dict[tuple[str, str], str | None]:
    """Return the outcome of each (machine, state); None where the state leaves it as it was."""
    return {(row["machine"], row["state"]): row["outcome"] or None for row in seed("state_machine")}


@cache
def transitions() -> frozenset[tuple[str, str, str]]:
    """Return the legal state changes as (machine, from, to)."""
    return frozenset((row["machine"], row["from_state"], row["to_state"]) for row in seed("state_transition"))


@cache
def initial_states() -> frozenset[tuple[str, str]]:
    """Return the (machine, state) in which a life may begin."""
    return frozenset((row["machine"], row["state"]) for row in seed("state_machine") if row["is_initial"] == "true")


@cache
def holidays() -> frozenset[date]:
    """Return the public holidays."""
    return frozenset(date.fromisoformat(row["day"]) for row in seed("public_holiday") if row["day_type"] == "holiday")


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


@cache
def rules() -> list[Rule]:
    """Return the rules of cadence."""
    return [
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
            elif day not in holidays():
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
    while day in holidays():
        day += timedelta(days=1)
    return day, day + timedelta(days=1)
