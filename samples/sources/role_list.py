"""任职名册: who holds which post, volunteers on one sheet and all others on another; a vacant post has nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from samples.catalogue import KIND_NAMES, leaving
from samples.dice import Dice
from samples.files import Sheet, write_xlsx
from samples.naming import named
from samples.people import People
from samples.spelling import fault_of, spelled
from samples.world import DATA_END, Role, World

SOURCE = "role_list"
KNOWN = DATA_END - timedelta(days=1)
APPOINTED = {"self_nomination": "自荐", "recommendation": "推荐", "election": "选举", "appointment": "任命", "recruitment": "招聘"}
ELECTED = {"owners_committee_member", "environment_property_committee_member", "core_resident", "fund_committee_member"}
IN_ESTATES = {"building_head", "unit_head", "courtyard_head", "owners_committee_member", "grid_worker"}
COLUMNS = ["编号", "流程编号", "职务", "岗位", "人员编号", "镇街", "社区", "小区", "产生方式", "等级", "任职日期", "卸任日期"]


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Draw who holds the posts of every process."""
    people = People(world)
    sheets: dict[str, list[tuple[Role, dict]]] = {"志愿者": [], "任职": []}
    share = world.size.communities / 9
    for process, kind in leaving("role"):
        is_volunteer = kind == "volunteer"
        number = (160 if process == "D01" else 45) if is_volunteer else 14 if kind == "building_head" else 8
        places = people.atlas.on("estate" if kind in IN_ESTATES else "community", KNOWN)
        for _ in range(round(number * share)):
            place = dice.pick(places).code
            person = people.some(dice, place, KNOWN, 1)[0].number if is_volunteer or not dice.chance(0.08) else None
            first = dice.day(date(2023, 6, 1), date(2026, 8, 1))
            end = first + timedelta(days=dice.between(120, 1100)) if dice.chance(0.3) else None
            role = Role(place, kind, process, person, first, end if end and end < DATA_END else None)
            rows = sheets["志愿者" if is_volunteer else "任职"]
            how = (
                "self_nomination"
                if is_volunteer
                else "election"
                if kind in ELECTED
                else dice.pick(["appointment", "recommendation"])
            )
            how = "recruitment" if kind == "community_worker" else how
            rows.append((role, {
                "编号": f"{'ZY' if is_volunteer else 'RZ'}-{len(rows) + 1:05d}", "流程编号": process, "职务": KIND_NAMES["role", kind],
                "岗位": KIND_NAMES["role", kind], "人员编号": person, **named(people.atlas, place, KNOWN), "产生方式": APPOINTED[how],
                "等级": f"{dice.between(1, 18)}级" if kind == "community_worker" else None,
                "任职日期": spelled(role.valid_from, dice.pick(["iso", "iso", "slash"])),
                "卸任日期": spelled(role.valid_to) if role.valid_to else None,
            }))  # fmt: skip
    for sheet, number, column, value in [("志愿者", 31, "任职日期", "2026-02-30"), ("任职", 44, "职务", "其他"), ("任职", 71, "任职日期", "去年")]:
        role, row = sheets[sheet][number]
        sheets[sheet][number] = None, row | {column: value}
        world.met(SOURCE, fault_of(column, value), quarantined=True)
    for number in (12, 60):
        role, row = sheets["志愿者"][number]
        sheets["志愿者"][number] = replace(role, valid_from=None), row | {"任职日期": None}
        world.met(SOURCE, "no first day")
    world.roles += [role for rows in sheets.values() for role, _ in rows if role]
    write_xlsx(folder / "任职名册_2026-09.xlsx", [_sheet(name, [row for _, row in rows]) for name, rows in sheets.items()])


def _sheet(name: str, rows: list[dict]) -> Sheet:
    title = [f"青禾区{name}名册（截至2026年9月30日）"]
    return Sheet(name, [title, COLUMNS, *([row[column] for column in COLUMNS] for row in rows)], [(0, 0, 0, len(COLUMNS) - 1)])
