"""组织名册: organisations and teams in all their versions, as an old system exports them (GB18030, CRLF)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from samples.atlas import Atlas
from samples.catalogue import KIND_NAMES, leaving
from samples.dice import Dice
from samples.files import write_csv
from samples.naming import named
from samples.spelling import date_style, fault_of, spelled
from samples.world import DATA_END, Organisation, World

SOURCE = "organisation_register"
KNOWN = DATA_END - timedelta(days=1)
OF_NO_PROCESS = ["residents_committee", "foundation", "company", "government_department", "medical_institution", "school"]
TEAMS = {"volunteer_team", "resident_group", "culture_association"}
NAMES = {"volunteer_team": "志愿服务队", "resident_group": "邻里互助小组", "culture_association": "文体协会", "party_branch": "党支部"}


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Draw organisations of every kind; teams are founded, incubated and dissolved within the two years."""
    atlas = Atlas(world.places)
    listed: list[tuple[Organisation | None, dict]] = []
    share = world.size.communities / 9
    kinds = [*leaving("organisation"), *((None, kind) for kind in OF_NO_PROCESS)]
    number = 0
    for process, kind in kinds:
        for _ in range(round((7 if kind in TEAMS else 3) * share)):
            number += 1
            place = dice.pick(atlas.on("community", KNOWN))
            name = f"{place.name.removesuffix('社区')}{NAMES.get(kind, KIND_NAMES['organisation', kind])}{number}"
            for organisation in _versions(dice, f"ZZ{number:05d}", place.code, kind, process):
                listed.append((organisation, _row(dice, atlas, organisation, name)))
                name += "（更名）"
    for at, column, value in [(9, "成立日期", "2025-02-30"), (33, "类别", "其他组织")]:
        listed[at] = None, listed[at][1] | {column: value}
        world.met(SOURCE, fault_of(column, value), quarantined=True)
    world.organisations += [organisation for organisation, _ in listed if organisation]
    write_csv(folder / "组织名册_2026-09.csv", [row for _, row in listed], encoding="gb18030", line_end="\r\n")


def _versions(dice: Dice, number: str, place: str, kind: str, process: str | None) -> list[Organisation]:
    """One version, or two where the type or the name changed."""
    is_team = kind in TEAMS
    founded = dice.day(date(2024, 1, 1), date(2026, 9, 1)) if is_team else dice.day(date(2015, 1, 1), date(2025, 6, 1))
    after = [founded + timedelta(days=days) for days in (dice.between(20, 120), dice.between(150, 400), dice.between(100, 700))]
    admitted = after[0] if is_team and dice.chance(0.5) else None
    graduated = after[1] if admitted and dice.chance(0.7) else None
    dissolved = max(after[2], graduated or after[2]) if is_team and dice.chance(0.3) else None
    admitted, graduated, dissolved = (day if day and day < DATA_END else None for day in (admitted, graduated, dissolved))
    whole = Organisation(number, place, kind, process, founded, None, founded, admitted, graduated, dissolved)
    changed = founded + timedelta(days=dice.between(60, 500))
    if not dice.chance(0.15) or changed >= DATA_END:
        return [whole]
    return [replace(whole, valid_to=changed), replace(whole, valid_from=changed)]


def _row(dice: Dice, atlas: Atlas, organisation: Organisation, name: str) -> dict:
    style = date_style(dice)
    days = {"成立日期": organisation.founded, "入驻日期": organisation.admitted, "出壳日期": organisation.graduated,
            "注销日期": organisation.dissolved, "生效日期": organisation.valid_from, "失效日期": organisation.valid_to}  # fmt: skip
    return {
        "组织编号": organisation.organisation_id, "组织名称": name, "类别": KIND_NAMES["organisation", organisation.kind],
        "流程编号": organisation.process_code or "", **named(atlas, organisation.place, KNOWN), "上级组织编号": "",
        "成员数": dice.between(5, 60), "党员数": dice.between(0, 12),
        **{column: spelled(day, style) if day else "" for column, day in days.items()},
    }  # fmt: skip
