"""The words that people read: statuses, units, families and periods, Chinese with English beside it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

LANGUAGES = ("zh", "en")
FAMILIES = {
    "participation": ("参与", "Participation"),
    "resolution": ("办结", "Resolution"),
    "satisfaction": ("满意", "Satisfaction"),
    "funding": ("资金", "Funding"),
    "figure": ("核对", "Reported figures"),
}
STATUSES = {
    "ok": ("正常", "ok"),
    "low_n": ("样本少", "low n"),
    "no_base": ("无基数", "no base"),
    "not_reached": ("未达到", "not reached"),
    "suppressed": ("已隐去", "suppressed"),
    "partial": ("期间未完", "partial"),
}
STATUS_NOTES = {
    "low_n": ("样本量低于该指标的最小值，仅供参考", "fewer cases than the metric's minimum: read with care"),
    "no_base": ("分母为零或未知，不计算比率", "the denominator is zero or unknown: no rate is computed"),
    "not_reached": ("在观察期内未达到该分位", "the quantile lies beyond what has been observed so far"),
    "suppressed": ("人数过少，为保护隐私不显示", "hidden to protect the few people behind it"),
    "partial": ("该期间的数据尚不完整", "the period is not complete in the data"),
}
PERIOD_TYPES = {
    "all": ("全部", "all time"),
    "year": ("年", "year"),
    "quarter": ("季", "quarter"),
    "month": ("月", "month"),
    "wave": ("调查", "wave"),
}
UNITS = {
    "share": ("%", "%"),
    "场": ("场", "activities"),
    "人次": ("人次", "attendances"),
    "人次/场": ("人次/场", "per activity"),
    "件": ("件", "cases"),
    "天": ("天", "days"),
    "小时": ("小时", "hours"),
    "人": ("人", "people"),
    "score": ("分", "score"),
    "index": ("指数", "index 0–100"),
    "money": ("", ""),
    "个": ("个", "items"),
    "倍": ("倍", "times"),
    "条": ("条", "records"),
    "分": ("分", "points"),
    "户": ("户", "accounts"),
    "笔": ("笔", "transactions"),
    "支": ("支", "teams"),
    "件/场": ("件/场", "per session"),
    "coefficient": ("", "0–1"),
}
CAUSES = {
    "late_rows": ("补报数据", "late rows"),
    "correction": ("更正", "correction"),
    "replay": ("重新载入", "replay"),
    "definition": ("定义变更", "new definition"),
    "place_change": ("区划调整", "place change"),
    "code": ("程序变更", "other code"),
    "suppression": ("隐私保护", "protection of few people"),
    "follow_up": ("后续进展", "followed up"),
    "unexplained": ("原因未明", "unexplained"),
    "period_open": ("期间未完", "period was open"),
    "new_metric": ("新指标", "new metric"),
}
CAUSE_NOTES = {
    "late_rows": (
        "发布后才收到的数据行，或后来的文件改报的数据行",
        "rows that arrived after the publication before, or that a later file tells otherwise",
    ),
    "correction": ("更正清单改正了文件中的单元格", "a cell of a file was corrected by the list of corrections"),
    "replay": ("文件按修改后的声明重新载入", "a file was read again, after its declaration was mended"),
    "definition": ("指标的定义改了", "the metric is defined otherwise now"),
    "place_change": ("合并、拆分或移交后，记录计入另一地点", "after a merge, split or transfer the records count at another place"),
    "code": ("数据未变，计算程序变了", "the same data, computed by another version of the program"),
    "suppression": ("为保护隐私，显示或隐去有变", "it is hidden now, or no longer, to protect few people"),
    "follow_up": ("同一批事项观察得更久", "the same matters, watched for longer"),
    "unexplained": ("数据中找不到原因，请查问数据组", "nothing in the data tells why: ask the data team"),
}
NOT_SHOWN = ("不显示", "not shown")
DIRECTIONS = {"up": ("越高越好", "higher is better"), "down": ("越低越好", "lower is better"), "neutral": ("中性", "neutral")}
NO_VALUE = ("无数值", "no value")


def both(pair: tuple[str, str]) -> str:
    """Chinese and English on one line: `办结 Resolution`."""
    return " ".join(dict.fromkeys(word for word in pair if word))


def status(code: str) -> str:
    """A status in words; a code without words is shown as it is."""
    return both(STATUSES.get(code, (code, "")))


def cause(code: str) -> str:
    """A cause of a restatement in words; a code without words is shown as it is."""
    return both(CAUSES.get(code, (code, "")))


def step(row: dict[str, Any]) -> str:
    """By how much a restated figure changed, with its sign; empty where that is not shown. A share changes by points."""
    shown = row["difference_display"]
    if not shown:
        return ""
    text = thousands(shown.removesuffix("%"))
    return f"{'' if text.startswith('-') else '+'}{text}{' pp' if shown.endswith('%') else ''}"


def restated(row: dict[str, Any], side: str) -> str:
    """What a restated figure was (`old`) or is now (`new`): its number, or why there is none."""
    status_then = row[f"{side}_status"]
    if status_then is None:
        return "–"
    if status_then == "suppressed":
        return status(status_then)
    if row["is_hidden"]:
        return both(NOT_SHOWN)
    shown = row[f"{side}_display"]
    return missing({"status": status_then}) if shown is None else f"{thousands(shown)} {short_unit(row)}".strip()


def unit(row: dict[str, Any]) -> str:
    """The unit of a figure in words; money shows its currency."""
    if row["unit"] == "money" or row["currency"]:
        return row["currency"] or ""
    return both(UNITS.get(row["unit"], (row["unit"] or "", "")))


def short_unit(row: dict[str, Any]) -> str:
    """What follows a number: nothing after `83.2%`, else the currency or the Chinese unit."""
    if row["unit"] == "share":
        return ""
    return row["currency"] or UNITS.get(row["unit"], (row["unit"] or "", ""))[0]


def period(row: dict[str, Any]) -> str:
    """A period as people say it: `2026`, `2026 Q3`, `2026-09`, `全部 all time`, else its first and last day."""
    start, kind = row["period_start"], row["period_type"]
    if kind == "all" or start is None:
        return both(PERIOD_TYPES.get(kind, (kind, "")))
    if kind == "year" and (start.month, start.day) == (1, 1):
        return f"{start.year}"
    if kind == "quarter" and start.day == 1 and start.month % 3 == 1:
        return f"{start.year} Q{start.month // 3 + 1}"
    if row["period_end"] is None:
        return f"{start} –"
    last = row["period_end"] - timedelta(days=1)
    if start.day == 1 and (last.year, last.month) == (start.year, start.month) and row["period_end"].day == 1:
        return f"{start:%Y-%m}"
    return f"{start}" if last <= start else f"{start} – {last}"


def recent(row: dict[str, Any]) -> str:
    """A period short enough for a line in a card: a wave by the month in which it ended."""
    if row["period_type"] == "wave" and row["period_end"]:
        return f"{PERIOD_TYPES['wave'][0]} {row['period_end'] - timedelta(days=1):%Y-%m}"
    return period(row)


def value(row: dict[str, Any]) -> str:
    """A figure as people read it: the rounded number with thousands separators and unit, or why there is none."""
    if row["value_display"] is None:
        return missing(row)
    return f"{thousands(row['value_display'])} {short_unit(row)}".strip()


def missing(row: dict[str, Any]) -> str:
    """The words that stand where a number would be."""
    return both(NO_VALUE) if row["status"] in ("ok", "low_n", "partial") else status(row["status"])


def interval(row: dict[str, Any]) -> str:
    """The 95 % interval, one-sided where only one bound is known, empty where none is."""
    lower, upper = thousands(row["lower_display"]), thousands(row["upper_display"])
    if lower and upper:
        return f"{lower} – {upper}"
    if lower:
        return f"≥ {lower}"
    return f"≤ {upper}" if upper else ""


def base(row: dict[str, Any]) -> str:
    """Numerator over denominator where the figure is a ratio of the two, else empty."""
    numerator, denominator = row["numerator"], row["denominator"]
    if numerator is None or denominator is None or row["unit"] == "money" or numerator == row["value"]:
        return ""
    return f"{plain(numerator)} / {plain(denominator)}"


def plain(number: float | None) -> str:
    """A count or sum with thousands separators, and up to two decimals only where it has any."""
    if number is None:
        return ""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.2f}"


def thousands(text: str | None) -> str:
    """Thousands separators in a number that is already rounded: `-1234567.50` → `-1,234,567.50`."""
    if not text:
        return ""
    whole, point, rest = text.partition(".")
    sign = "-" if whole.startswith("-") else ""
    digits = whole.removeprefix("-")
    if not digits.removesuffix("%").isdigit():
        return text
    percent = "%" if digits.endswith("%") else ""
    return f"{sign}{int(digits.removesuffix('%')):,}{percent}{point}{rest}"


def metric(row: dict[str, Any]) -> str:
    """A metric with its breakdown: `办结率 Resolution rate · sewer`."""
    name = both((row["name_zh"], row["name_en"]))
    return name if row["breakdown_type"] == "none" else f"{name} · {row['breakdown_label']}"


def place(row: dict[str, Any]) -> str:
    """A place by its name, with the English one where it has another."""
    return both((row["place_name"], row["place_name_en"] or ""))
