"""社区治理月报: what communities report of each month and since the beginning, mostly what the ledgers say, sometimes not."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from samples.atlas import Atlas
from samples.catalogue import KIND_NAMES, leaving
from samples.dice import Dice
from samples.files import Sheet, write_xlsx
from samples.naming import named
from samples.times import months, next_month
from samples.spelling import fault_of
from samples.world import FIRST_DAY, UNKNOWN, Figure, World

SOURCE = "monthly_report"
METRICS = {"R01.raised": ("收集诉求数", "件"), "R01.resolved": ("办结诉求数", "件"), "P01": ("活动场次", "场"), "F01.raised": ("捐赠金额", "万元")}
OTHERS = {  # of kinds that no metric recomputes: measure, unit, about how much in a month
    "output": ("清运垃圾", "件", 120), "health_aggregate": ("测量血压", "人次", 260), "reach": ("宣传触达", "人次", 1800),
    "headcount": ("队伍人数", "人", 45), "press": ("新闻报道服务居民", "人次", 900), "report": ("资助项目数", "件", 4), "target": ("年度目标", "件", 100),
}  # fmt: skip
COLUMNS = ["序号", "镇街", "社区", "流程编号", "数字类别", "指标", "单位", "本月", "累计", "填报单位"]


class Truth:
    """What the other sources have told, by metric, community and month, in the tree as it was on the day."""

    def __init__(self, world: World, atlas: Atlas) -> None:
        self.atlas = atlas
        self.counts: dict[tuple[str, str, date], Decimal] = defaultdict(Decimal)
        for case in world.cases:
            self._add("R01.raised", case.place, case.opened.date())
            if case.outcome == "resolved":
                self._add("R01.resolved", case.place, case.opened.date())
        for activity in world.activities:
            if activity.state == "held":
                self._add("P01", activity.place, activity.day)
        for money in world.money:
            if money.kind == "donation":
                self._add("F01.raised", money.place, money.day, money.amount)

    def _add(self, metric: str, code: str, day: date, amount: Decimal = Decimal(1)) -> None:
        if code == UNKNOWN:
            return
        place = self.atlas.at(code, day)
        while place.level not in ("community", "town", "district"):
            place = self.atlas.parent(place, day)
        self.counts[metric, place.code, day.replace(day=1)] += amount

    def of(self, metric: str, community: str, first: date, end: date) -> Decimal:
        """The true number of a community from `first` up to, not including, `end`."""
        return sum((self.counts[metric, community, month] for month in months() if first <= month < end), Decimal(0))


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Write one report per month. Must come after the sources that it reports of."""
    atlas = Atlas(world.places)
    truth = Truth(world, atlas)
    for month in months():
        rows: list[dict] = []
        for community in atlas.on("community", month):
            for metric in METRICS:
                rows += _metric(world, dice, atlas, truth, metric, community.code, month)
        for order, (process, kind) in enumerate(leaving("figure")):
            if (month.month + order) % 3 == 0:
                places = atlas.on("community", month)
                rows.append(_other(world, dice, atlas, process, kind, places[order % len(places)].code, month))
        lines = [[f"社区治理月报（{month.year}年{month.month}月）"], COLUMNS]
        lines += [[number, *(row[column] for column in COLUMNS[1:])] for number, row in enumerate(rows, 1)]
        lines.append(["合计", *[None] * 6, len(rows)])
        write_xlsx(folder / f"月报_{month:%Y-%m}.xlsx", [Sheet("月报", lines, [(0, 0, 0, len(COLUMNS) - 1)])])


def _metric(world: World, dice: Dice, atlas: Atlas, truth: Truth, metric: str, community: str, month: date) -> list[dict]:
    """What the community reports of a metric; sometimes the town reports something else."""
    measure, unit = METRICS[metric]
    end = next_month(month)
    of_month, so_far = truth.of(metric, community, month, end), truth.of(metric, community, FIRST_DAY, end)
    rows = []
    for reporter in ("社区", "镇街") if dice.chance(0.04) else ("社区",):
        is_wrong = reporter == "镇街" or dice.chance(0.12)
        wrong: Callable[[Decimal], Decimal] = lambda value: value + dice.between(1, 4) * (10000 if unit == "万元" else 1)  # noqa: E731
        row = _row(atlas, community, month, None, "report", measure, unit) | {"填报单位": reporter}
        for column, value, first in (("本月", wrong(of_month) if is_wrong else of_month, month), ("累计", so_far, FIRST_DAY)):
            text, lower, upper, decimals = _printed(dice, value, unit, column == "累计")
            row[column] = text
            if metric == "P01" and community.endswith("001") and month in (date(2025, 3, 1), date(2026, 5, 1)) and column == "本月" \
                    and reporter == "社区":  # fmt: skip
                row[column] = "若干"
                world.met(SOURCE, fault_of("本月", "若干"), quarantined=True)
                continue
            printed = Decimal(text.strip("近逾")) * (10000 if unit == "万元" else 1)
            world.figures.append(Figure(
                community, "report", None, measure, metric, printed, lower, upper, "元" if unit == "万元" else unit, decimals, first, end
            ))  # fmt: skip
        rows.append(row)
    return rows


def _printed(dice: Dice, value: Decimal, unit: str, may_round: bool) -> tuple[str, Decimal | None, Decimal | None, int]:
    """A number as it is printed: text, bounds where words leave them open, decimals in the base unit."""
    if unit == "万元":
        return f"{value / 10000:.2f}", None, None, -2
    if not may_round or value < 20 or not dice.chance(0.35):
        return f"{value}", None, None, 0
    word = dice.pick(["近", "逾"])
    tens = math.ceil(value / 10) * 10 if word == "近" else int(value // 10) * 10
    step = 10 ** (len(str(tens)) - len(str(tens).rstrip("0")))
    bounds = (tens - step, tens) if word == "近" else (tens, tens + step)
    return f"{word}{tens}", Decimal(bounds[0]), Decimal(bounds[1]), 0


def _other(world: World, dice: Dice, atlas: Atlas, process: str, kind: str, community: str, month: date) -> dict:
    """A figure that nothing recomputes."""
    measure, unit, about = OTHERS[kind]
    value = Decimal(dice.between(about * 8 // 10, about * 12 // 10))
    world.figures.append(Figure(community, kind, process, measure, None, value, None, None, unit, 0, month, next_month(month)))
    return _row(atlas, community, month, process, kind, measure, unit) | {"本月": f"{value}", "填报单位": "社区"}


def _row(atlas: Atlas, community: str, month: date, process: str | None, kind: str, measure: str, unit: str) -> dict:
    names = named(atlas, community, next_month(month) - timedelta(days=1))
    return {"镇街": names["镇街"], "社区": names["社区"], "流程编号": process, "数字类别": KIND_NAMES["figure", kind], "指标": measure,
            "单位": unit, "本月": None, "累计": None, "填报单位": None}  # fmt: skip
