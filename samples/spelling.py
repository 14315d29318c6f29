"""How people write down days and numbers."""

from __future__ import annotations

from datetime import date, datetime, time

from samples.dice import Dice


def spelled(moment: datetime | date, style: str = "iso") -> str:
    """Spell a day as 2026-03-05, 2026/3/5 or 2026年3月5日; a datetime adds its time of day."""
    day = {
        "iso": f"{moment:%Y-%m-%d}",
        "slash": f"{moment.year}/{moment.month}/{moment.day}",
        "chinese": f"{moment.year}年{moment.month}月{moment.day}日",
    }[style]
    return f"{day} {moment:%H:%M}" if isinstance(moment, datetime) else day


def day_or_moment(moment: datetime, style: str = "iso") -> str:
    """Midnight stands for a day whose time nobody wrote down."""
    return spelled(moment if moment.time() != time() else moment.date(), style)


def date_style(dice: Dice) -> str:
    """Most people write dates one way, some another."""
    return dice.weighted([("iso", 0.8), ("slash", 0.12), ("chinese", 0.08)])


def full_width(number: str) -> str:
    """1200 as １２００."""
    return number.translate(str.maketrans("0123456789", "０１２３４５６７８９"))


def fault_of(column: str, value: str) -> str:
    """Return what the README calls a value that nobody can read in a column of that name."""
    if "02-30" in value:
        return "impossible date"
    if any(part in column for part in ("日期", "时间", "date", "At")):
        return "date in words"
    if column in ("积分", "金额", "有效", "收回", "分值", "本月", "headcount", "age"):
        return "number in words"
    return "unknown word"
