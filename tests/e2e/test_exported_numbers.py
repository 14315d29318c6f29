"""A hundred exported numbers, drawn at random, are recomputed from the facts; test_numbers_from_files counts others from the files.

Nothing of models/kpis is used: the rows of the published facts, the place tree and the calendar are added up here.
"""

from __future__ import annotations

import csv
import hashlib
import random
from collections import defaultdict
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import duckdb
import openpyxl
import pytest

from ingest.settings import settings

DRAWN = 100
OUTCOMES = ("resolved", "rejected", "withdrawn", "cancelled", "referred_out", "open")
MONEY = {"F01.raised": "donation", "F02.awarded": "award", "F02.disbursed": "disbursement", "F02.spent": "expenditure"}
# Metric → what a fact adds to its numerator, and to its denominator where it has one.
RECOMPUTED = {
    "P01": (lambda fact: fact["is_held"], None),
    "R01.raised": (lambda fact: 1, None),
    "R02": (lambda fact: fact["outcome"] == "resolved", lambda fact: 1),
    **{f"R01.{outcome}": (lambda fact, outcome=outcome: fact["outcome"] == outcome, None) for outcome in OUTCOMES},
    **{code: (lambda fact, kind=kind: fact["amount"] if fact["kind"] == kind else 0, None) for code, kind in MONEY.items()},
}
FACTS = {"P": ("fct_activity", "activity_date"), "R": ("fct_case", "opened_date"), "F": ("fct_money", "money_date")}


def published(query: str) -> list[dict]:
    with duckdb.connect(str((settings().published / "current").resolve() / "marts.duckdb"), read_only=True) as connection:
        found = connection.execute(query)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row)) for row in found.fetchall()]


@pytest.fixture(scope="module")
def drawn(installation: Path) -> list[dict[str, str]]:
    """A hundred numbers of kpi.csv, as many of each metric, without those that are hidden."""
    with open(settings().exports / "current" / "kpi.csv", encoding="utf-8-sig", newline="") as file:
        rows = defaultdict(list)
        for row in csv.DictReader(file):
            if row["metric_code"] in RECOMPUTED and row["value"] and row["period_type"] != "all":
                rows[row["metric_code"]].append(row)
    assert rows.keys() == RECOMPUTED.keys()
    draw = random.Random(20261129)
    each = -(-DRAWN // len(rows))
    return draw.sample([row for code in sorted(rows) for row in draw.sample(rows[code], each)], DRAWN)


@pytest.fixture(scope="module")
def facts(installation: Path) -> dict[str, list[dict]]:
    """Family letter → facts, each with the places that it counts for: the tree as it was on the last day of its month."""
    versions = defaultdict(list)
    for row in published("select place_key, parent_place_key, counts_to from dim_place order by place_key, counts_from nulls first"):
        versions[row["place_key"]].append((row["parent_place_key"], row["counts_to"]))

    @cache
    def above(place: str, day: date) -> frozenset[str]:
        parent = next(parent for parent, until in versions[place] if until is None or day < until)
        return frozenset({place}) | (above(parent, day) if parent else frozenset())

    found = {}
    for letter, (table, day) in FACTS.items():
        found[letter] = published(f"select *, {day} as day from {table} where {day} is not null")
        for fact in found[letter]:
            following = (fact["day"].replace(day=1) + timedelta(days=32)).replace(day=1)
            fact["places"] = above(fact["place_key"], following - timedelta(days=1))
    return found


def behind(number: dict[str, str], facts: dict[str, list[dict]]) -> list[dict]:
    """The facts that a number is made of."""
    start, end = (date.fromisoformat(number[name]) for name in ("period_start", "period_end"))
    split, member = number["breakdown_type"], number["breakdown_value"]
    return [
        fact for fact in facts[number["metric_code"][0]]
        if start <= fact["day"] < end and number["place_key"] in fact["places"]
        and (split == "none" or (fact[split] or "unknown") == member)
        and (not number["currency"] or fact["currency"] == number["currency"])
    ]  # fmt: skip


def test_a_hundred_exported_numbers_are_what_the_facts_add_up_to(drawn: list[dict[str, str]], facts: dict[str, list[dict]]) -> None:
    assert len(drawn) == DRAWN
    wrong = []
    for number in drawn:
        above, below = RECOMPUTED[number["metric_code"]]
        rows = behind(number, facts)
        value = float(sum(above(fact) or 0 for fact in rows))
        if below:
            value /= sum(below(fact) for fact in rows)
        if value != pytest.approx(float(number["value"]), rel=1e-12):
            wrong.append((number, value))
    assert wrong == []


def test_the_workbook_says_the_same_numbers_as_the_csv(installation: Path) -> None:
    folder = settings().exports / "current"
    with open(folder / "kpi.csv", encoding="utf-8-sig", newline="") as file:
        values = {
            (row["metric_code"], row["period_start"], row["period_type"]): float(row["value"])
            for row in csv.DictReader(file)
            if row["place_level"] == "district" and row["breakdown_type"] == "none" and row["value"] and row["place_name"] == "青禾区"
            and row["period_type"] in ("month", "year") and not row["currency"]
        }  # fmt: skip
    book = openpyxl.load_workbook(folder / "kpi.xlsx", read_only=True)
    compared = 0
    for name in ("参与 Participation", "办结 Resolution"):
        for row in book[name].iter_rows(min_row=6, values_only=True):
            place, _, metric, kind, period, breakdown, value = row[:7]
            if place == "青禾区 Qinghe District" and not breakdown and isinstance(value, (int, float)) and kind[0] in "月年":
                start, period_type = (f"{period}-01", "month") if kind[0] == "月" else (f"{period}-01-01", "year")
                assert value == pytest.approx(values[metric.split()[0], start, period_type], rel=1e-12), row
                compared += 1
    assert compared > 500


def test_the_facts_behind_them_come_from_files_that_arrived(drawn: list[dict[str, str]], facts: dict[str, list[dict]]) -> None:
    behind_them = {fact["file_id"] for number in drawn for fact in behind(number, facts) if fact["file_id"]}
    landed = {hashlib.sha256(path.read_bytes()).hexdigest() for path in settings().drop.rglob("*") if path.is_file()}
    assert len(behind_them) > 20 and behind_them <= landed
