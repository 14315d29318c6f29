"""计票表: ballots and their options, one row per option, with the counts of households or people and the floor areas."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from samples.atlas import Atlas
from samples.catalogue import KIND_NAMES, PROCESS_NAMES, leaving
from samples.dice import Dice
from samples.files import Cell, Sheet, write_xlsx
from samples.naming import named
from samples.spelling import fault_of
from samples.world import DATA_END, FIRST_DAY, UNKNOWN, Vote, VoteOption, World

SOURCE = "tally_sheet"
BALLOTS = 8  # of a process
STATES = {"announced": "已公告", "notice": "公示期", "open": "投票中", "closed": "已截止", "counted": "已计票", "published": "已公布",
          "filed": "已备案", "cancelled": "已取消"}  # fmt: skip
RESULTS = {"passed": "通过", "failed": "未通过", "no_quorum": "未达法定比例"}
UNITS = {"household": "户", "person": "人"}
OF_OWNERS = {"owners_assembly", "committee_election", "governing_text"}
OPTIONS = {"committee_election": 5, "role_election": 4, "project_vote": 3, "contest_vote": 4}
COLUMNS = ["票决编号", "流程编号", "票决类型", "议题", "镇街", "社区", "小区", "公告日期", "开始日期", "截止日期", "状态", "结果", "计票单位",
           "应到", "发出", "收回", "有效", "无效", "应到面积", "收回面积", "选项号", "选项", "同意", "反对", "弃权", "是否当选"]  # fmt: skip


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Draw the ballots of every process and write one row per option."""
    atlas = Atlas(world.places)
    listed: list[tuple[Vote | None, list[dict]]] = []
    for process, kind in leaving("vote"):
        for _ in range(round(BALLOTS * world.size.communities / 9)):
            vote, days = _vote(dice, atlas, f"PJ-{len(listed) + 1:04d}", process, kind)
            listed.append((vote, _rows(atlas, vote, days)))
    single = [number for number, (vote, rows) in enumerate(listed) if len(rows) == 1 and vote.valid is not None]
    for number, column, value in [(single[4], "有效", "大多数"), (single[11], "截止日期", "2026-02-30"), (single[17], "收回", "—")]:
        listed[number][1][0][column] = value
        listed[number] = None, listed[number][1]
        world.met(SOURCE, fault_of(column, value), quarantined=True)
    vote, rows = listed[single[20]]
    rows[0].update({"镇街": "", "社区": "溪畔社区", "小区": ""})
    listed[single[20]] = replace(vote, place=UNKNOWN), rows
    world.met(SOURCE, "community not in the register")
    world.votes += [vote for vote, _ in listed if vote]
    lines: list[list[Cell]] = [["青禾区表决计票汇总表"], COLUMNS]
    lines += [[row[column] for column in COLUMNS] for _, rows in listed for row in rows]
    write_xlsx(folder / "计票汇总_2026-09.xlsx", [Sheet("计票", lines, [(0, 0, 0, len(COLUMNS) - 1)])])


def _vote(dice: Dice, atlas: Atlas, number: str, process: str, kind: str) -> tuple[Vote, list[date | None]]:
    """A ballot with its days of announcement, opening and closing."""
    announced = dice.day(FIRST_DAY, date(2026, 9, 20))
    opened = announced + timedelta(days=15 if kind in OF_OWNERS else 2)
    closed = opened + timedelta(days=dice.between(1, 20))
    state = dice.weighted([("counted", 0.2), ("published", 0.45), ("filed", 0.25), ("closed", 0.04), ("cancelled", 0.06)])
    if closed >= DATA_END:
        state = "open" if opened < DATA_END else "announced"
    days = [announced, opened if opened < DATA_END else None, closed if closed < DATA_END else None]
    level = "estate" if kind in OF_OWNERS or dice.chance(0.4) else "community"
    last = {place.code for place in atlas.on(level, days[2] or days[1] or announced)}
    place = dice.pick([place.code for place in atlas.on(level, announced) if place.code in last])
    unit = "household" if kind in OF_OWNERS or kind == "project_vote" else "person"
    eligible = dice.between(180, 520) if unit == "household" else dice.between(15, 90)
    is_counted = state in ("closed", "counted", "published", "filed")
    returned = round(eligible * (0.5 + 0.45 * dice.random())) if is_counted else None
    invalid = dice.between(0, 6) if is_counted else None
    area = Decimal(eligible) * Decimal("96.5") if kind in OF_OWNERS else None
    options: list[VoteOption] = []
    for label in range(OPTIONS.get(kind, 1)):
        support = round((returned - invalid) * (0.35 + 0.6 * dice.random())) if is_counted else None
        against = round((returned - invalid - support) * 0.6) if is_counted else None
        name = "本议题" if kind not in OPTIONS else f"{label + 1}号"
        options.append(VoteOption(name, support, against, returned - invalid - support - against if is_counted else None))
    result = None
    if is_counted and state != "closed":
        first = options[0].for_count * 2 > returned
        result = "no_quorum" if kind in OF_OWNERS and returned * 3 < eligible * 2 else "passed" if first else "failed"
    return Vote(
        f"{SOURCE}:{number}", place, kind, process, days[2] or days[1] or announced, state, result, unit, eligible,
        eligible - dice.between(0, 4) if is_counted else None, returned, returned - invalid if is_counted else None, invalid, area,
        Decimal(returned) * Decimal("97.25") if area and is_counted else None, tuple(options),
    ), days  # fmt: skip


def _rows(atlas: Atlas, vote: Vote, days: list[date | None]) -> list[dict]:
    chosen = max((option.for_count or 0 for option in vote.options), default=0)
    return [{
        "票决编号": vote.vote_id.split(":")[1], "流程编号": vote.process_code, "票决类型": KIND_NAMES["vote", vote.kind],
        "议题": f"{PROCESS_NAMES[vote.process_code]}表决", **named(atlas, vote.place, days[0]),
        **dict(zip(("公告日期", "开始日期", "截止日期"), days, strict=True)),
        "状态": STATES[vote.state], "结果": RESULTS.get(vote.result), "计票单位": UNITS[vote.voter_unit], "应到": vote.eligible,
        "发出": vote.issued, "收回": vote.returned, "有效": vote.valid, "无效": vote.invalid,
        "应到面积": vote.eligible_area and float(vote.eligible_area), "收回面积": vote.returned_area and float(vote.returned_area),
        "选项号": number, "选项": option.label, "同意": option.for_count, "反对": option.against_count, "弃权": option.abstain_count,
        "是否当选": None if vote.result is None else "是" if option.for_count == chosen and vote.result == "passed" else "否",
    } for number, option in enumerate(vote.options, 1)]  # fmt: skip
