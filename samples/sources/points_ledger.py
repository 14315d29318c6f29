"""积分流水: signed entries of the points accounts of people, a workbook per year; each begins with the last entries of the one before."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from samples.atlas import Atlas
from samples.catalogue import KIND_NAMES, leaving
from samples.dice import Dice
from samples.files import Sheet, write_xlsx
from samples.naming import named
from samples.people import People
from samples.spelling import fault_of, full_width
from samples.world import DATA_END, FIRST_DAY, UNKNOWN, PointsEntry, World

SOURCE = "points_ledger"
ENTRIES = 1400
SHARES = [
    ("time", 0.47),
    ("exchange", 0.2),
    ("case", 0.08),
    ("redemption", 0.18),
    ("penalty", 0.03),
    ("reversal", 0.02),
    ("expiry", 0.02),
]
RULES = {"time": "SC-01", "case": "AL-02", "exchange": "WZ-03", "redemption": "DH-04", "penalty": "KF-05", "reversal": "CZ-06",
         "expiry": "GQ-07"}  # fmt: skip
ITEMS = ["大米", "洗衣液", "理发券", "绿植", "家政1小时"]
COLUMNS = ["流水号", "入账时间", "账户", "镇街", "社区", "小区", "流程编号", "类型", "积分", "规则", "关联流水号", "兑换物", "数量"]


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Draw the entries in the order of their time; a few accounts run below zero."""
    atlas, people = Atlas(world.places), People(world)
    processes = defaultdict(list)
    for process, kind in leaving("points"):
        processes[kind].append(process)
    moments = sorted(
        dice.moment(FIRST_DAY, DATA_END) for _ in range(round(ENTRIES * world.size.communities / 9 * world.size.factor))
    )
    balances: dict[str, Decimal] = defaultdict(Decimal)
    entries: list[tuple[PointsEntry, dict]] = []
    for number, posted in enumerate(moments, 1):
        kind = dice.weighted(SHARES) if number > 60 else dice.pick(["time", "exchange"])
        day = posted.date()
        district = atlas.on("district", day)[0].code
        person = people.some(dice, district, day, 1)[0]
        earlier, reference = None, None
        if kind == "reversal":
            earlier, reference = next(((entry, row["流水号"]) for entry, row in reversed(entries) if entry.kind == "time"))
            account, points, place = earlier.account, -earlier.points, earlier.place
        else:
            rich = [account for account, balance in balances.items() if balance >= 2]
            if kind in ("redemption", "expiry", "penalty") and rich and not dice.chance(0.06):
                account = dice.pick(rich)
                person = next(one for one in people.of(district, day) if one.number == account)
            account = person.number
            place = person.estate if dice.chance(0.4) else atlas.parent(atlas.at(person.estate, day), day).code
            size = Decimal(dice.pick(["0.5", "1", "1", "1.5", "2", "3", "5"]))
            points = size if kind in ("time", "case", "exchange") else -max(Decimal("0.5"), min(size, balances[account]))
        has_rule = not (kind == "redemption" and dice.chance(0.08))
        entry = PointsEntry(place, kind, dice.pick(processes[kind]), account, points, posted, RULES[kind] if has_rule else None)
        balances[account] += points
        try:
            names = named(atlas, place, day)
        except LookupError:  # what is reversed was posted in a community that is no more
            place = atlas.on("district", day)[0].code
            entry, names = replace(entry, place=place), named(atlas, place, day)
        row = {
            "流水号": f"JF-{number:06d}", "入账时间": f"{posted:%Y-%m-%d %H:%M}", "账户": account, **names,
            "流程编号": entry.process_code, "类型": KIND_NAMES["points", kind], "积分": float(points), "规则": entry.rule_code,
            "关联流水号": reference, "兑换物": dice.pick(ITEMS) if kind == "redemption" else None,
            "数量": 1 if kind == "redemption" else None,
        }  # fmt: skip
        entries.append((entry, row))
    kept = _spoil(world, entries)
    world.points += [entry for entry in kept if entry]
    _write(folder, [row for _, row in entries])


def _spoil(world: World, entries: list[tuple[PointsEntry, dict]]) -> list[PointsEntry | None]:
    """What is true of each entry once a few are written badly."""
    kept: list[PointsEntry | None] = [entry for entry, _ in entries]
    for number, column, value in [(101, "积分", "五分"), (203, "入账时间", "2026-02-30 10:00"), (307, "类型", "打卡"), (402, "积分", "待定")]:
        entries[number][1][column] = value
        kept[number] = None
        world.met(SOURCE, fault_of(column, value), quarantined=True)
    for number in (150, 250):
        entries[number][1].update({"镇街": "", "社区": "溪畔社区", "小区": ""})
        kept[number] = replace(kept[number], place=UNKNOWN)
        world.met(SOURCE, "community not in the register")
    for number in (160, 260, 360):
        row = entries[number][1]
        row["积分"] = full_width(str(row["积分"]))
        world.met(SOURCE, "full-width digits")
    return kept


def _write(folder: Path, rows: list[dict]) -> None:
    middle = f"{datetime(2025, 10, 1) - timedelta(minutes=1):%Y-%m-%d}"
    until = next(number for number, row in enumerate(rows) if row["入账时间"] > middle + " 24")
    for name, part in (("2025-09", rows[:until]), ("2026-09", rows[until - 12 :])):
        total = sum(row["积分"] for row in part if isinstance(row["积分"], float))
        lines = [COLUMNS, *([row[column] for column in COLUMNS] for row in part), ["合计", *[None] * 7, total]]
        write_xlsx(folder / f"积分流水_{name}.xlsx", [Sheet("积分流水", lines)])
