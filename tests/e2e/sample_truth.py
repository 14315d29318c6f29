"""The true KPI values of the demonstration data, recomputed from the raw files in plain Python.

Independent on purpose: the csv, datetime, fractions and statistics modules only, nothing of the warehouse and no database, so
that the warehouse and this file can only agree by both being right. Rules that the two have to share:

- A row with an impossible date, an amount or headcount that is no number, or a state that nobody knows is quarantined.
- The latest monthly file that lists a matter (编号) tells its state; data end with the month of the latest file.
- A community that is not in the register counts to the district and to the member 未知, to no town.
- Counts, R02, R05 and R06 follow the cohort raised in the period; R03 sets the matters resolved in the period by their close
  date (also one that lies before the raise date) against the matters raised in it.
- A matter is open at an instant when it was raised before it and has not ended before it; one that is closed without a date
  is open at no instant. Ages are whole days.
- A key is present where there are base rows. For a count, a missing key and 0 say the same.
"""

import csv
import re
import statistics
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

Key = tuple[str, str, str, str | None, str, str, str | None]
Cell = tuple[str, str, str | None, str, str]  # place name, period type, period start, breakdown type, breakdown value

ZONE = ZoneInfo("Asia/Shanghai")
UNKNOWN_PLACE = "未知"
DAY_SECONDS = 86400
ACTIVITY_STATES = {"已举办": "held", "已取消": "cancelled", "延期": "postponed"}
CASE_STATES = {
    "已解决": "resolved", "已办结": "resolved", "不予受理": "rejected", "已撤回": "withdrawn", "已转办": "referred_out",
    "办理中": "open", "待受理": "open",
}
OUTCOMES = ("resolved", "rejected", "withdrawn", "referred_out", "open")
SCORES = {"非常满意": 5, "满意": 4, "一般": 3, "不满意": 2, "非常不满意": 1}
QUESTIONS = {"q3": "3、", "q4": "4、", "q5": "5、", "q6": "6、", "q7": "7、"}
GRANT_METRICS = {"立项": "F02.awarded", "拨付": "F02.disbursed", "支出": "F02.spent"}
DATE = re.compile(r"(\d{4})[-/年](\d{1,2})[-/月](\d{1,2})日?(?: +(\d{1,2}):(\d{2}))?")


class Activity(NamedTuple):
    """One occurrence; headcount is None when nobody counted."""

    community: str
    day: date
    kind: str
    mode: str
    host_type: str
    state: str
    headcount: int | None


class Case(NamedTuple):
    """One matter as its latest file tells it. `outcome` is one of OUTCOMES."""

    community: str
    raised: datetime
    ended: datetime | None
    outcome: str
    category: str

    @property
    def has_valid_interval(self) -> bool:
        """Ended, and not before it was raised."""
        return self.ended is not None and self.ended >= self.raised

    def is_open_at(self, instant: datetime) -> bool:
        """Raised before the instant and not ended before it."""
        return self.raised < instant and (self.outcome == "open" or (self.ended is not None and self.ended >= instant))


class Answer(NamedTuple):
    """One valid answer on the five-level scale; `wave` is the first day of the wave's month."""

    community: str
    wave: date
    question: str
    score: int


class Money(NamedTuple):
    """One movement in yuan. `donor` is empty for grants and anonymous donations."""

    community: str
    day: date
    metric: str
    amount: Decimal
    donor: str


class Data(NamedTuple):
    """All accepted records, and how many rows of each source were quarantined."""

    activities: list[Activity]
    cases: list[Case]
    answers: list[Answer]
    money: list[Money]
    town: dict[str, str]  # community → town
    district: str
    months: list[date]  # the months of the issue ledger
    quarantined: dict[str, int]


def truth(raw_folder: Path) -> dict[Key, dict]:
    """Return the true value of every KPI of the demonstration data.

    Args: raw_folder: the folder that holds one folder of raw files per source (`samples/raw`).
    Returns: (metric code, place name, period type, period start as ISO date or None for all time, breakdown type, breakdown
        value, currency or None) → dict(value, numerator, denominator, n). value None: there is no base, or a quantile is not
        reached. Rates are 0–1, durations days, money yuan. Breakdown values are the words of the ledgers, or `unknown`.
    Raises: FileNotFoundError when there are no files.
    """
    data = read(raw_folder)
    return participation(data) | resolution(data) | backlog(data) | satisfaction(data) | funding(data)


def quarantined(raw_folder: Path) -> dict[str, int]:
    """Return how many rows of each source have to end in quarantine, whichever step finds them."""
    return read(raw_folder).quarantined


# ------------------------------------------------------------------------------------------------------------- reading


def read(raw_folder: Path) -> Data:
    """Read every source; rows that cannot be understood are counted, not kept."""
    activities, bad_activities = _understood(_rows(raw_folder / "activity_ledger"), _activity)
    latest = {row["编号"]: (month, row) for month, row in _rows(raw_folder / "issue_ledger")}
    cases, bad_cases = _understood(latest.values(), _case)
    donations, bad_donations = _understood(_rows(raw_folder / "donation_list"), _donation)
    grants, bad_grants = _understood(_rows(raw_folder / "grant_ledger", "gb18030"), _grant)
    places = [row for _, row in _rows(raw_folder / "place_register")]
    return Data(
        activities=activities,
        cases=cases,
        answers=[answer for month, row in _rows(raw_folder / "satisfaction_survey") for answer in _answers(month, row)],
        money=donations + grants,
        town={row["名称"]: row["上级"] for row in places if row["级别"] == "社区"},
        district=next(row["名称"] for row in places if row["级别"] == "区"),
        months=sorted({month for month, _ in _rows(raw_folder / "issue_ledger")}),
        quarantined={"activity_ledger": bad_activities, "issue_ledger": bad_cases, "donation_list": bad_donations,
                     "grant_ledger": bad_grants},
    )


def _rows(folder: Path, encoding: str = "utf-8-sig") -> Iterator[tuple[date, dict[str, str]]]:
    """Yield (month of the file, row) in the order of the files; without blank rows and total rows, cells trimmed."""
    paths = sorted(folder.glob("*.csv"))
    if not paths:
        raise FileNotFoundError(f"expected CSV files in {folder}, found none: run python -m samples.make_samples")
    for path in paths:
        year, month = re.search(r"_(\d{4})-(\d{2})", path.name).groups()
        with path.open(encoding=encoding, newline="") as file:
            for row in csv.DictReader(file):
                row = {header.strip(): cell.strip() for header, cell in row.items()}
                if any(row.values()) and "合计" not in row.values():
                    yield date(int(year), int(month), 1), row


def _understood(rows: Iterable[tuple[date, dict]], convert: Callable[[dict], NamedTuple]) -> tuple[list, int]:
    records, bad = [], 0
    for _, row in rows:
        try:
            records.append(convert(row))
        except ValueError:
            bad += 1
    return records, bad


def _activity(row: dict) -> Activity:
    headcount = int(_number(row["参与人次"])) if row["参与人次"] else None
    return Activity(row["社区"], _moment(row["活动日期"]).date(), row["活动类型"] or "unknown", row["活动方式"] or "unknown",
                    row["主办类型"] or "unknown", _word(ACTIVITY_STATES, row["状态"]), headcount)


def _case(row: dict) -> Case:
    ended = _moment(row["办结时间"]) if row["办结时间"] else None
    return Case(row["社区"], _moment(row["收集时间"]), ended, _word(CASE_STATES, row["办理情况"]), row["问题类别"] or "unknown")


def _donation(row: dict) -> Money:
    donor = "" if row["姓名"] == "匿名" else row["姓名"]
    return Money(row["社区"], _moment(row["日期"]).date(), "F01.raised", _number(row["金额（元）"]), donor)


def _grant(row: dict) -> Money:
    return Money(row["社区"], _moment(row["日期"]).date(), _word(GRANT_METRICS, row["类型"]), _number(row["金额（元）"]), "")


def _answers(month: date, row: dict) -> Iterator[Answer]:
    community = next(cell for header, cell in row.items() if header.startswith("1、"))
    for question, prefix in QUESTIONS.items():
        answer = next(cell for header, cell in row.items() if header.startswith(prefix))
        if answer in SCORES:
            yield Answer(community, month, question, SCORES[answer])


def _moment(text: str) -> datetime:
    """Read a local day, with or without time of day. Raises ValueError for anything else, 30 February included."""
    found = DATE.fullmatch(unicodedata.normalize("NFKC", text))
    if not found:
        raise ValueError(f"expected a date such as 2026-03-05, 2026/3/5 or 2026年3月5日, found {text!r}")
    return datetime(*(int(part or 0) for part in found.groups()), tzinfo=ZONE)


def _number(text: str) -> Decimal:
    """Read 1,200.00 or １２００. Raises ValueError for words such as 若干."""
    digits = unicodedata.normalize("NFKC", text).replace(",", "")
    if not re.fullmatch(r"\d+(\.\d+)?", digits):
        raise ValueError(f"expected a number, found {text!r}")
    return Decimal(digits)


def _word(known: dict[str, str], word: str) -> str:
    if word not in known:
        raise ValueError(f"expected one of {list(known)}, found {word!r}")
    return known[word]


# ------------------------------------------------------------------------------------------------- places and periods


def _places(data: Data, community: str) -> list[str]:
    """Return the members that a record of this community counts to."""
    if community in data.town:
        return [community, data.town[community], data.district]
    return [UNKNOWN_PLACE, data.district]


def _periods(day: date) -> list[tuple[str, str | None]]:
    """Return the month, quarter and year of a day, and all time, as (type, first day)."""
    quarter = date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
    return [("month", day.replace(day=1).isoformat()), ("quarter", quarter.isoformat()), ("year", f"{day.year}-01-01"),
            ("all", None)]


def _next_month(first_day: date) -> date:
    return (first_day + timedelta(days=31)).replace(day=1)


def _cells(data: Data, records: Iterable, day_of: Callable, **breakdowns: Callable) -> dict[Cell, list]:
    """Gather the records under every place and period they count to, in total and by member of each breakdown."""
    cells = defaultdict(list)
    for record in records:
        members = [("none", "total")] + [(breakdown, member_of(record)) for breakdown, member_of in breakdowns.items()]
        for place in _places(data, record.community):
            for period in _periods(day_of(record)):
                for member in members:
                    cells[(place, *period, *member)].append(record)
    return cells


def _key(metric: str, cell: Cell, currency: str | None = None) -> Key:
    return (metric, *cell, currency)


def _count(count: int) -> dict:
    return {"value": count, "numerator": count, "denominator": None, "n": count}


def _rate(numerator: float, denominator: int) -> dict:
    value = numerator / denominator if denominator else None
    return {"value": value, "numerator": numerator, "denominator": denominator, "n": denominator}


# ------------------------------------------------------------------------------------------------------------- metrics


def participation(data: Data) -> dict[Key, dict]:
    """P01 activities held, P05 attendances per held activity with a known headcount: in total, by activity_type, mode and
    host_type."""
    result = {}
    held = [activity for activity in data.activities if activity.state == "held"]
    cells = _cells(data, held, lambda a: a.day, activity_type=lambda a: a.kind, mode=lambda a: a.mode,
                   host_type=lambda a: a.host_type)
    for cell, activities in cells.items():
        headcounts = [a.headcount for a in activities if a.headcount is not None]
        result[_key("P01", cell)] = _count(len(activities))
        result[_key("P05", cell)] = _rate(sum(headcounts), len(headcounts))
    return result


def resolution(data: Data) -> dict[Key, dict]:
    """R01, R02, R03, R05 and R06, in total and by category."""
    result = {}
    raised_in = _cells(data, data.cases, lambda c: c.raised.date(), category=lambda c: c.category)
    closed = [c for c in data.cases if c.outcome == "resolved" and c.ended]
    resolved_in = _cells(data, closed, lambda c: c.ended.date(), category=lambda c: c.category)
    for cell, cases in raised_in.items():
        result[_key("R01.raised", cell)] = _count(len(cases))
        for outcome in OUTCOMES:
            result[_key(f"R01.{outcome}", cell)] = _count(sum(c.outcome == outcome for c in cases))
        result[_key("R02", cell)] = _rate(sum(c.outcome == "resolved" for c in cases), len(cases))
        result.update(_durations(cell, cases, _as_of(data)))
    for cell in raised_in.keys() | resolved_in.keys():
        result[_key("R03", cell)] = _rate(len(resolved_in.get(cell, [])), len(raised_in.get(cell, [])))
    return result


def _as_of(data: Data) -> datetime:
    """The first moment after the last month of the issue ledger."""
    return datetime.combine(_next_month(data.months[-1]), time(), ZONE)


def _durations(cell: Cell, cases: list[Case], as_of: datetime) -> dict[Key, dict]:
    """Days to resolution of one cohort: Kaplan–Meier with open, rejected, withdrawn and referred cases censored, and the
    plain median of the resolved ones."""
    result = {}
    subjects = [(_seconds(c.raised, as_of), False) for c in cases if c.outcome == "open"]
    subjects += [(_seconds(c.raised, c.ended), c.outcome == "resolved") for c in cases
                 if c.outcome != "open" and c.has_valid_interval]
    for metric, level in (("R05.median", Fraction(1, 2)), ("R05.p90", Fraction(1, 10))):
        reached = km_quantile(subjects, level)
        days = None if reached is None else reached / DAY_SECONDS
        result[_key(metric, cell)] = {"value": days, "numerator": None, "denominator": None, "n": len(subjects)}
    resolved = [c for c in cases if c.outcome == "resolved"]
    days = [_seconds(c.raised, c.ended) / DAY_SECONDS for c in resolved if c.has_valid_interval]
    median = statistics.median(days) if days else None
    result[_key("R06", cell)] = {"value": median, "numerator": None, "denominator": None, "n": len(days)}
    result[_key("R06.invalid_interval", cell)] = _count(sum(c.ended is not None and c.ended < c.raised for c in resolved))
    result[_key("R06.missing_end", cell)] = _count(sum(c.ended is None for c in resolved))
    return result


def _seconds(start: datetime, end: datetime) -> int:
    return int((end - start).total_seconds())


def km_quantile(subjects: list[tuple[int, bool]], level: Fraction) -> int | None:
    """Return the smallest duration at which the Kaplan–Meier survival is at or below the level, in exact fractions.

    Args: subjects: (duration, resolved) of each; those not resolved are censored, and at risk until then.
        level: 1/2 for the median, 1/10 for the 90th percentile.
    Returns: the duration, or None when the survival stays above the level.
    """
    survival, at_risk = Fraction(1), len(subjects)
    for duration in sorted({duration for duration, _ in subjects}):
        here = [resolved for other, resolved in subjects if other == duration]
        survival *= Fraction(at_risk - sum(here), at_risk)
        if survival <= level:
            return duration
        at_risk -= len(here)
    return None


def backlog(data: Data) -> dict[Key, dict]:
    """R07, cases open at the end of each period (all time and the unfinished year: at the end of the data), by age."""
    result = {}
    as_of = _as_of(data)
    ends = {("all", None): as_of}
    for month in data.months:  # in order: the last month of a quarter or year sets its end
        for period in _periods(month)[:3]:
            ends[period] = datetime.combine(_next_month(month), time(), ZONE)
    members = [UNKNOWN_PLACE, data.district, *data.town, *set(data.town.values())]
    for (period, end), place in ((item, place) for item in ends.items() for place in members):
        ages = [_seconds(c.raised, end) // DAY_SECONDS for c in data.cases
                if place in _places(data, c.community) and c.is_open_at(end)]
        bands = {"0-7": 0, "8-30": 0, "31-90": 0, "90+": 0}
        for age in ages:
            bands["0-7" if age < 8 else "8-30" if age < 31 else "31-90" if age <= 90 else "90+"] += 1
        result[_key("R07", (place, *period, "none", "total"))] = _count(len(ages))
        for band, count in bands.items():
            result[_key("R07", (place, *period, "age_band", band))] = _count(count)
    return result


def satisfaction(data: Data) -> dict[Key, dict]:
    """S03, S04.mean and S04.index per question, per wave and over all waves. No total over questions."""
    result = {}
    cells = defaultdict(list)
    for answer in data.answers:
        for place in _places(data, answer.community):
            for period in (("wave", answer.wave.isoformat()), ("all", None)):
                cells[(place, *period, "question", answer.question)].append(answer.score)
    for cell, scores in cells.items():
        result[_key("S03", cell)] = _rate(sum(score >= 4 for score in scores), len(scores))
        result[_key("S04.mean", cell)] = _rate(sum(scores), len(scores))
        result[_key("S04.index", cell)] = _rate(sum(25 * (score - 1) for score in scores), len(scores))
    return result


def funding(data: Data) -> dict[Key, dict]:
    """F01.raised, F01.donors (distinct names, anonymous ones left out), F02.awarded, F02.disbursed, F02.spent."""
    result = {}
    for metric in ("F01.raised", *GRANT_METRICS.values()):
        for cell, moves in _cells(data, [m for m in data.money if m.metric == metric], lambda m: m.day).items():
            total = float(sum(move.amount for move in moves))
            result[_key(metric, cell, "CNY")] = {"value": total, "numerator": total, "denominator": None, "n": len(moves)}
            if metric == "F01.raised":
                result[_key("F01.donors", cell)] = _count(len({move.donor for move in moves} - {""}))
    return result
