"""活动台账: a workbook per month; a file replaces its month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from samples import activities as words
from samples.atlas import Atlas
from samples.catalogue import KIND_NAMES, PROCESS_NAMES, leaving
from samples.dice import Dice
from samples.files import Cell, Sheet, write_xlsx
from samples.spelling import date_style, full_width, spelled
from samples.times import months, next_month
from samples.world import Activity, Place, World

SOURCE = "activity_ledger"
STATES = {"held": "已举办", "cancelled": "已取消", "postponed": "延期"}
MODES = {"offline": "线下", "online": "线上"}
HEADER = [
    ["镇街", "序号", "工作项目", "活动", "", "", "", "", "地点", "", "", "", "组织", "", "", "参与", "", "框架要素", "活动效果", "状态"],
    ["", "", "", "活动名称", "活动类型", "活动日期", "开始时间", "活动方式", "社区", "小区", "地点", "容纳人数", "主办单位", "主办类型",
     "居民自发", "参与主体", "参与人次", "", "", ""],
]  # fmt: skip
MERGED = [(0, 0, 0, 19), *((1, column, 2, column) for column in (0, 1, 2, 17, 18, 19)), (1, 3, 1, 7), (1, 8, 1, 11),
          (1, 12, 1, 14), (1, 15, 1, 16)]  # fmt: skip
COLUMN = {name: number for number, name in enumerate(lower or upper for upper, lower in zip(*HEADER, strict=True))}


@dataclass
class Line:
    """One row of the ledger: what is true (None: nobody can understand the row), the town it stands under, and its cells."""

    true: Activity | None
    town: str
    cells: list[Cell]


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Write what was held, cancelled or postponed in each month."""
    atlas = Atlas(world.places)
    keepers = {regular: dice.mixed(_homes(atlas))[: max(1, round(regular.places * world.size.communities / 9))]
               for regular in words.REGULAR}  # fmt: skip
    for month in months():
        drawn = [*_regular(dice, atlas, keepers, month), *_occasional(world, dice, atlas, month)]
        lines = [_line(dice, atlas, activity) for activity in drawn]
        lines.sort(key=lambda line: (line.town, line.true.day, line.true.kind, line.true.place, line.true.process_code))
        for number, line in enumerate(lines, 1):
            line.true = replace(line.true, activity_id=f"{SOURCE}:{month:%Y-%m}-{number}")
            line.cells[COLUMN["序号"]] = number
        if month == date(2026, 2, 1):
            _spoil(world, lines)
        _smudge(world, dice, lines)
        world.activities += [line.true for line in lines if line.true]
        _write(folder, month, lines)


def _homes(atlas: Atlas) -> list[str]:
    """The communities that existed all the time."""
    first, last = (set(place.code for place in atlas.on("community", day)) for day in (date(2024, 10, 1), date(2026, 9, 30)))
    return sorted(first & last)


def _regular(dice: Dice, atlas: Atlas, keepers: dict, month: date) -> Iterator[Activity]:
    for regular, communities in keepers.items():
        for community in communities:
            for day in _days(dice, regular, month):
                if not dice.chance(0.07):
                    place, size = atlas.at(community, day), (regular.fewest, regular.most)
                    yield _activity(dice, regular.process, regular.kind, place, day, size)


def _days(dice: Dice, regular: words.Regular, month: date) -> list[date]:
    """The days of a month on which it is due; one of the days where it is not said which."""
    end = next_month(month)
    days = [month + timedelta(days=number) for number in range((end - month).days)]
    if regular.cadence == "weekly":
        weekday = regular.weekday or 5
        return [day for day in days if day.isoweekday() == weekday]
    if regular.weekday:
        return [[day for day in days if day.isoweekday() == regular.weekday][regular.day]]
    if regular.day > 7:
        return [days[regular.day - 1]]
    if regular.day > 0:
        return [days[dice.between(0, 6)]]
    return [dice.pick(days[-7:] if regular.day == -1 else days)]


def _occasional(world: World, dice: Dice, atlas: Atlas, month: date) -> Iterator[Activity]:
    """Everything else that leaves an activity; each kind of it at least once, in the first month."""
    regular = {(one.process, one.kind) for one in words.REGULAR}
    share = world.size.communities / 9 * world.size.factor
    for process, kind in leaving("activity"):
        if (process, kind) in regular:
            continue
        times = dice.count(words.OFTEN.get(process, words.SELDOM) * share) if not month == date(2024, 10, 1) else 1
        for _ in range(times):
            day = dice.day(month, next_month(month))
            community = dice.pick(atlas.on("community", day))
            estates = atlas.below(community.code, day)
            place = dice.pick(estates) if estates and dice.chance(0.6) else community
            activity = _activity(dice, process, kind, place, day, words.SIZES.get(kind, words.USUAL_SIZE))
            if month == date(2024, 10, 1):
                activity = replace(activity, state="held")
            yield activity


def _activity(dice: Dice, process: str, kind: str, place: Place, day: date, size: tuple[int, int]) -> Activity:
    state = dice.weighted([("held", 0.89), ("cancelled", 0.07), ("postponed", 0.04)])
    host_type = words.HOST_TYPES[process[0]] if dice.chance(0.8) else dice.pick(list(words.HOSTS))
    headcount = dice.between(*size)
    is_counted = not dice.chance(0.05)
    venue, capacity = dice.pick(words.VENUES)
    is_told = not dice.chance(0.1)
    return Activity(
        activity_id="", place=place.code, kind=kind, process_code=process, day=day, state=state,
        activity_type=KIND_NAMES["activity", kind], mode="online" if kind in words.ONLINE and dice.chance(0.2) else "offline",
        host_type=host_type, headcount=headcount if state == "held" and is_counted else None,
        framework_element=words.ELEMENTS.get(process[0]) if dice.chance(0.7) else None,
        is_resident_led=host_type in ("居民团队", "业委会") if is_told else None,
        venue_capacity=capacity if dice.chance(0.5) else None,
    )  # fmt: skip


def _line(dice: Dice, atlas: Atlas, activity: Activity) -> Line:
    """Write the activity down as most people do."""
    place = atlas.at(activity.place, activity.day)
    community = place if place.level == "community" else atlas.parent(place, activity.day)
    town = atlas.parent(community, activity.day)
    regular = {(one.process, one.kind): one.name for one in words.REGULAR}
    named = words.NAMED.get((activity.process_code, activity.kind))
    key = (activity.process_code, activity.kind)
    name = regular.get(key) or (dice.pick(named) if named else f"{PROCESS_NAMES[activity.process_code]}{activity.activity_type}")
    style = date_style(dice)
    headcount: Cell = activity.headcount
    if headcount is not None and headcount >= 1000:
        headcount = f"{headcount:,}"
    cells: list[Cell] = [
        "", 0, PROCESS_NAMES[activity.process_code], name, activity.activity_type,
        activity.day if style == "iso" else spelled(activity.day, style), dice.pick(words.STARTS), MODES[activity.mode],
        community.name, place.name if place.level == "estate" else "",
        "线上会议" if activity.mode == "online" else dice.pick(words.VENUES)[0], activity.venue_capacity,
        words.HOSTS[activity.host_type].format(community.name.removesuffix("社区")), activity.host_type,
        {True: "是", False: "否", None: ""}[activity.is_resident_led], dice.pick(words.AUDIENCES), headcount,
        activity.framework_element, dice.pick(words.EFFECTS) if activity.state == "held" else "", STATES[activity.state],
    ]  # fmt: skip
    return Line(activity, town.name, cells)


def _smudge(world: World, dice: Dice, lines: list[Line]) -> None:
    """What can be read although it is written oddly, in every month."""
    for line in lines:
        if line.true and isinstance(line.cells[COLUMN["活动日期"]], str):
            world.met(SOURCE, "date in slashes or Chinese")
        headcount = line.cells[COLUMN["参与人次"]]
        if isinstance(headcount, str) and "," in headcount:
            world.met(SOURCE, "thousands separator")
        if isinstance(headcount, int) and dice.chance(0.01):
            line.cells[COLUMN["参与人次"]] = full_width(str(headcount))
            world.met(SOURCE, "full-width digits")
        if dice.chance(0.01):
            column = COLUMN[dice.pick(["社区", "活动类型", "状态"])]
            line.cells[column] = dice.pick([" {}", "{}　", "{} "]).format(line.cells[column])
            world.met(SOURCE, "spaces around a cell")
        if line.cells[COLUMN["社区"]] == "禾新社区" and dice.chance(0.15):
            line.cells[COLUMN["社区"]] = "禾香社区"
            world.met(SOURCE, "former name")
        if line.true and line.true.state == "held" and line.true.headcount is None:
            world.met(SOURCE, "held but not counted")


def _spoil(world: World, lines: list[Line]) -> None:
    """Faults that stand in one row each."""
    held = iter([line for line in lines if line.true.state == "held" and line.true.headcount][2::5])
    for column, value, fault in [("活动日期", "2026-02-30", "impossible date"), ("参与人次", "几百人", "headcount in words")]:
        line = next(held)
        line.cells[COLUMN[column]] = value
        line.true = None
        world.met(SOURCE, fault, quarantined=True)
    line = next(held)
    line.cells[COLUMN["活动效果"]] = "居民反映良好,建议每月一次\n已公示"
    world.met(SOURCE, "comma and line break in a cell")
    line = next(line for line in held if line.cells[COLUMN["小区"]])
    line.cells[COLUMN["小区"]] += "东区"
    line.true = replace(line.true, place=next(
        place.parent for place in Atlas(world.places).on("estate", line.true.day) if place.code == line.true.place))  # fmt: skip
    world.met(SOURCE, "misspelt estate")


def _write(folder: Path, month: date, lines: list[Line]) -> None:
    """Title, header of two rows, the rows of each town beside its name, the total."""
    rows: list[list[Cell]] = [[f"青禾区社区活动台账（{month.year}年{month.month}月）"], *HEADER]
    merged = list(MERGED)
    for town in dict.fromkeys(line.town for line in lines):
        block = [line.cells for line in lines if line.town == town]
        block[0][0] = town
        if len(block) > 1:
            merged.append((len(rows), 0, len(rows) + len(block) - 1, 0))
        rows += block
    total = sum(line.true.headcount or 0 for line in lines if line.true)
    merged.append((len(rows), 0, len(rows), 1))
    rows.append(["合计", "", *[""] * 14, total])
    write_xlsx(folder / f"活动台账_{month:%Y-%m}.xlsx", [Sheet("活动台账", rows, merged)])
