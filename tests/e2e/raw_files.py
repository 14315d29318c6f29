"""The files of the demonstration district, read in plain Python: what a clerk would count by hand. Nothing of the warehouse is used.

A row of which a cell cannot be read (`2026-02-30`, 几十人, 下周) is set aside whole, as the warehouse does: samples/README.md lists them.

One record is a dict: `day`, `community` as it is written there (None where the file tells a code), and what the record tells.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl

Record = dict[str, Any]

OUTCOMES = {
    "已解决": "resolved", "已办结": "resolved", "待受理": "open", "办理中": "open", "不予受理": "rejected", "已撤回": "withdrawn", "已转办": "referred_out",
    "在办": "open", "办结": "resolved", "撤回": "withdrawn", "取消": "cancelled", "转出": "referred_out",
}  # fmt: skip
SCORES = {"非常满意": 5, "满意": 4, "一般": 3, "不满意": 2, "非常不满意": 1}
ABOUT_SATISFACTION, ON_RECOMMENDING = ("q3", "q4", "q5", "q6", "q7"), "q9"


def cases(drop: Path) -> list[Record]:
    """Cases of the issue ledger, of each number the newest row, and of the newest export of the platform."""
    newest = {row["编号"]: row for path in _files(drop, "issue_ledger") for row in _csv(path)}
    exported = json.loads(_files(drop, "case_platform")[-1].read_text(encoding="utf-8"))["data"]["list"]
    found = [(_day(row["收集时间"]), row["办结时间"], row["办理情况"]) for row in newest.values()]
    found += [(_local_day(row["createdAt"]), row.get("finishedAt"), row["result"]) for row in exported if row["kind"] != "其他"]
    return [
        {"day": day, "community": None, "outcome": OUTCOMES[_plain(state)]}
        for day, ended, state in found if day and (not ended or _day(ended)) and _plain(state) in OUTCOMES
    ]  # fmt: skip


def held_activities(drop: Path) -> list[Record]:
    """Activities that took place: of the monthly ledgers, and of the sign-in platform, of each number the newest item."""
    found = []
    for path in _files(drop, "activity_ledger"):
        rows = _sheet_rows(path)
        names = next(row for row in rows if "活动日期" in row)
        at, heads, state = names.index("活动日期"), names.index("参与人次"), next(row for row in rows if "状态" in row).index("状态")
        found += [(_day(row[at]), row[heads], row[state]) for row in rows]
    newest = {}
    for path in _files(drop, "signin_platform"):
        for item in json.loads(path.read_text(encoding="utf-8"))["data"]["list"]:
            newest[item["itemNo"]] = item
    found += [(_day(item["date"]), item["headcount"], item["status"]) for item in newest.values() if item["itemType"] == "活动"]
    return [
        {"day": day, "community": None}
        for day, heads, state in found if day and _plain(state) == "已举办" and (heads is None or _number(heads) is not None)
    ]  # fmt: skip


def donations(drop: Path) -> list[Record]:
    """Gifts of money, of each receipt the newest row, in yuan: the unit stands above the table, or in the cell."""
    newest = {}
    for path in _files(drop, "donation_list"):
        rows = _sheet_rows(path)
        unit = 10_000 if any(row[0] == "单位：万元" for row in rows) else 1
        heading = next(number for number, row in enumerate(rows) if row[0] == "收据号")
        for row in (dict(zip(rows[heading], row)) for row in rows[heading + 1 :]):
            newest[row["收据号"]] = {**row, "unit": 1 if _plain(row["金额"]).endswith("元") else unit}
    return [
        {"day": _day(row["日期"]), "community": row["社区"], "amount": amount * row["unit"]}
        for row in newest.values()
        if _day(row["日期"]) and row["募捐项目"] != "实物捐赠" and (amount := _number(row["金额"])) is not None
    ]  # fmt: skip


def disbursements(drop: Path) -> list[Record]:
    """Grants that were paid out, of the newest ledger."""
    return [
        {"day": _day(row["日期"]), "community": row["社区"], "amount": _number(row["金额（元）"])}
        for row in _csv(_files(drop, "grant_ledger")[-1]) if _plain(row["类型"]) == "拨付" and _day(row["日期"])
    ]  # fmt: skip


def answers(drop: Path) -> list[Record]:
    """Valid answers on satisfaction and on recommending: `month` of the wave, `question` by its number, `score`."""
    found = []
    for path in _files(drop, "satisfaction_survey"):
        for row in _csv(path):
            community = next(text for heading, text in row.items() if heading.startswith("1、"))
            for heading, text in row.items():
                question = f"q{heading.partition('、')[0]}"
                score = SCORES.get(_plain(text)) if question in ABOUT_SATISFACTION else None
                if question == ON_RECOMMENDING and re.fullmatch(r"\d+", _plain(text)):
                    score = int(_plain(text))
                if score is not None:
                    found.append({"month": path.stem[-7:], "community": community, "question": question, "score": score})
    return found


def _files(drop: Path, source: str) -> list[Path]:
    """The files of a source, oldest first: their names end in the month."""
    return sorted(path for path in (drop / source).iterdir() if path.is_file())


def _csv(path: Path) -> Iterator[dict[str, str]]:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030")
    return csv.DictReader(io.StringIO(text, newline=""))


def _sheet_rows(path: Path) -> list[tuple]:
    return list(openpyxl.load_workbook(path, data_only=True).worksheets[0].iter_rows(values_only=True))


def _plain(text: object) -> str:
    return str(text if text is not None else "").strip()


def _day(written: object) -> date | None:
    """The day of `2025-03-02 …`, `2025/3/2`, `2025年3月2日` or of a date of Excel; None for what is no day."""
    if isinstance(written, datetime):
        return written.date()
    found = re.match(r"\s*(\d{4})\D(\d{1,2})\D(\d{1,2})", str(written))
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _local_day(instant: str) -> date | None:
    """The day in China of an instant in UTC; None for what is no instant."""
    try:
        return (datetime.fromisoformat(instant) + timedelta(hours=8)).date()
    except ValueError:
        return None


def _number(written: object) -> float | None:
    """Of `1,000.00`, `５００元`, 50; None where there is none."""
    found = re.fullmatch(r"([\d,]+(?:\.\d+)?)\s*元?", unicodedata.normalize("NFKC", _plain(written)))
    return float(found[1].replace(",", "")) if found else None
