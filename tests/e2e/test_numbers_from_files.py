"""Exported numbers are counted again from the files that arrived, by a reader that shares nothing with the warehouse: participation,
resolution, funding and satisfaction, from seven sources. All of them that the files tell whole, so none needs to be drawn.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from ingest.settings import settings
from tests.e2e import raw_files
from tests.e2e.raw_files import Record

DISTRICT = "青禾区"
UNCHANGED = ("稻香社区", "锦塘社区", "和畅社区", "桐花社区")  # no boundary of theirs has changed: a record counts where it says


def summed(records: list[Record]) -> float:
    return sum(record["amount"] for record in records)


def share(holds: Callable[[Record], bool]) -> Callable[[list[Record]], float]:
    return lambda records: sum(map(holds, records)) / len(records)


def net_promoters(answers: list[Record]) -> float:
    return 100 * (sum(answer["score"] >= 9 for answer in answers) - sum(answer["score"] <= 6 for answer in answers)) / len(answers)


# Metric → what is read, what is worked out of it, and whether the file tells the community by its name.
COUNTED: dict[str, tuple[Callable[[Path], list[Record]], Callable[[list[Record]], float], bool]] = {
    "P01": (raw_files.held_activities, len, False),
    "R01.raised": (raw_files.cases, len, False),
    "R01.resolved": (raw_files.cases, lambda cases: sum(case["outcome"] == "resolved" for case in cases), False),
    "R02": (raw_files.cases, share(lambda case: case["outcome"] == "resolved"), False),
    "F01.raised": (raw_files.donations, summed, True),
    "F02.disbursed": (raw_files.disbursements, summed, True),
    "S03": (raw_files.answers, share(lambda answer: answer["score"] >= 4), True),
    "S04.mean": (raw_files.answers, lambda answers: sum(answer["score"] for answer in answers) / len(answers), True),
    "S05": (raw_files.answers, net_promoters, True),
}


def is_counted(row: dict[str, str]) -> bool:
    """Whether the files tell all of a number: the district, or a community that they name; a time, or a wave of the big survey."""
    by_name = COUNTED[row["metric_code"]][2]
    place = row["place_name"] == DISTRICT or by_name and row["place_name"] in UNCHANGED
    if row["metric_code"].startswith("S"):
        return place and row["period_type"] == "wave" and row["breakdown_value"].startswith("satisfaction_survey.")
    return place and row["period_type"] in ("month", "quarter", "year", "all") and row["breakdown_type"] == "none"


def counted(number: dict[str, str], records: list[Record]) -> float:
    """A number, from the records of the files."""
    start, end = number["period_start"], number["period_end"]
    here = [record for record in records if number["place_name"] in (DISTRICT, record["community"])]
    if number["period_type"] == "wave":
        question = number["breakdown_value"].partition(".")[2]
        chosen = [record for record in here if record["month"] == start[:7] and record["question"] == question]
    else:
        chosen = [record for record in here if date.fromisoformat(start) <= record["day"] < date.fromisoformat(end)]
    return COUNTED[number["metric_code"]][1](chosen)


def test_what_is_exported_is_what_the_files_tell(installation: Path) -> None:
    with open(settings().exports / "current" / "kpi.csv", encoding="utf-8-sig", newline="") as file:
        numbers = [row for row in csv.DictReader(file) if row["metric_code"] in COUNTED and row["value"] and is_counted(row)]
    read = {reader: reader(settings().drop) for reader, _, _ in COUNTED.values()}
    wrong = []
    for number in numbers:
        value = counted(number, read[COUNTED[number["metric_code"]][0]])
        if value != pytest.approx(float(number["value"]), rel=1e-12):
            wrong.append((number["metric_code"], number["place_name"], number["period_type"], number["period_start"], number["value"], value))
    assert wrong == []
    compared = Counter(number["metric_code"] for number in numbers)
    assert compared.keys() == COUNTED.keys() and min(compared.values()) >= 10 and compared.total() > 500
