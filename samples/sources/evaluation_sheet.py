"""评价汇总表: scores, grades, ranks and acceptances of all kinds, a sheet per town, under a header of two rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from samples.atlas import Atlas
from samples.catalogue import KIND_NAMES, leaving
from samples.dice import Dice
from samples.files import Cell, Sheet, write_xlsx
from samples.naming import named
from samples.people import People
from samples.spelling import fault_of
from samples.world import DATA_END, FIRST_DAY, Evaluation, World

SOURCE = "evaluation_sheet"
OF_A_PROCESS = 8
SUBJECTS = {"person": "人员", "organisation": "组织", "project": "项目", "place": "地方"}
EVALUATORS = {"self": "自评", "supervisor": "主管部门", "third_party": "第三方", "residents": "居民", "peers": "同行"}
OF_KIND = {  # subject type, evaluator, highest score (None: not scored), grades
    "public_evaluation": ("person", "residents", 5, ("优秀", "合格", "合格", "不合格")), "activity_evaluation": ("project", "self", 5, ()),
    "stage_evaluation": ("project", "self", 100, ()), "third_party_evaluation": ("project", "third_party", 100, ("优秀", "良好", "合格")),
    "assessment": ("organisation", "supervisor", 100, ("优秀", "良好", "合格", "不合格")),
    "star_rating": ("organisation", "supervisor", None, ("五星", "四星", "三星")), "ranking": ("place", "supervisor", 100, ()),
    "acceptance": ("project", "third_party", None, ()), "review_score": ("project", "peers", 100, ()),
    "bid_score": ("organisation", "peers", 100, ()), "checkup": ("place", "third_party", 100, ("健康", "亚健康", "不健康")),
    "task_score": ("person", "peers", 10, ()), "award": ("organisation", "supervisor", None, ("国家级", "省级", "市级", "区级")),
    "framework_element": ("project", "supervisor", None, ()),
}  # fmt: skip
BOTH_SIDES = {"activity_evaluation", "stage_evaluation"}
PASSED = {"acceptance", "framework_element"}
DIMENSIONS = ["参与率", "满意度", "影响力"]
ELEMENTS = ["议题", "核心团队", "协商", "参与"]
HEADER = [
    ["编号", "流程编号", "评价类型", "轮次", "社区", "小区", "对象", "", "", "评价主体", "维度", "得分", "", "", "等级", "名次", "是否通过", "评价日期"],
    ["", "", "", "", "", "", "类型", "编号", "人员编号", "", "", "分值", "最低", "最高", "", "", "", ""],
]  # fmt: skip
MERGED = [(0, 6, 0, 8), (0, 11, 0, 13), *((0, column, 1, column) for column in (*range(6), 9, 10, *range(14, 18)))]


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Draw the evaluations of every process and write them under the towns they are about."""
    atlas, people = Atlas(world.places), People(world)
    listed: list[list] = []  # what is true (None: nobody can understand the row), town, cells
    for process, kind in leaving("evaluation"):
        for number in range(round(OF_A_PROCESS * world.size.communities / 9)):
            for one, more in _evaluations(dice, atlas, people, process, kind, number):
                place = named(atlas, one.place, one.day)
                listed.append([one, place["镇街"], _cells(f"PJ{len(listed) + 1:05d}", one, more, place)])
    scored = [row for row in listed if row[0].score is not None and not row[0].grade and row[0].kind not in BOTH_SIDES]
    for row, column, value in [(scored[5], 11, "较好"), (scored[20], 17, "2026-02-30"), (scored[35], 2, "其他评价")]:
        row[0], row[2][column] = None, value
        world.met(SOURCE, fault_of(HEADER[1][column] or HEADER[0][column], value), quarantined=True)
    for row in [row for row in scored[50:] if atlas.at(row[0].place, row[0].day).level == "community"][:2]:
        town = atlas.parent(atlas.at(row[0].place, row[0].day), row[0].day)  # the sheet still says which
        row[0], row[2][4], row[2][5] = replace(row[0], place=town.code), "溪畔社区", ""
        world.met(SOURCE, "community not in the register")
    world.evaluations += [one for one, _, _ in listed if one]
    towns = list(dict.fromkeys(town for _, town, _ in listed))
    write_xlsx(folder / "评价汇总_2026-09.xlsx", [
        Sheet(town, [*HEADER, *(cells for _, of, cells in listed if of == town)], MERGED) for town in sorted(towns)
    ])  # fmt: skip


def _evaluations(dice: Dice, atlas: Atlas, people: People, process: str, kind: str, number: int) -> list[tuple[Evaluation, dict]]:
    """One evaluation; two where a project speaks for itself and a third party answers; sometimes one that replaces it later."""
    subject_type, evaluator, highest, grades = OF_KIND[kind]
    day = dice.day(FIRST_DAY, date(2026, 8, 15))
    places = atlas.on("district" if kind == "award" and dice.chance(0.3) else "community", day)
    place = dice.pick(places).code
    person = people.some(dice, place, day, 1)[0].number if subject_type == "person" else None
    subject = person or f"{process}-{SUBJECTS[subject_type]}{number + 1:02d}"
    grade = dice.pick(grades) if grades else None
    score = Decimal(dice.between(highest * 5, highest * 10)) / 10 if highest else None
    dimension = dice.pick(ELEMENTS) if kind == "framework_element" else None
    dimension = dice.pick(DIMENSIONS) if kind in BOTH_SIDES else dimension
    low = Decimal(0) if highest and highest > 5 else Decimal(1) if highest else None
    one = Evaluation(place, kind, process, f"{day.year}", subject, evaluator, dimension, score, low,
                     Decimal(highest) if highest else None, grade, day)  # fmt: skip
    more = {"type": subject_type, "person": person, "rank": number + 1 if kind == "ranking" else None,
            "passed": not dice.chance(0.15) if kind in PASSED else None}  # fmt: skip
    found = [(one, more)]
    later = day + timedelta(days=dice.between(5, 40))
    if kind in BOTH_SIDES and number % 4 != 3 and atlas.on("community", later):
        third = replace(one, evaluator_type="third_party", score=Decimal(dice.between(20, 50)) / 10, scale_min=Decimal(1), scale_max=Decimal(5),
                        day=later)  # fmt: skip
        found.append((third, more))
    elif grades and number % 5 == 4:
        found.append((replace(one, grade=dice.pick(grades), day=later), more))
    return [(one, more) for one, more in found if one.day < DATA_END and _exists(atlas, one.place, one.day)]


def _exists(atlas: Atlas, place: str, day: date) -> bool:
    try:
        return bool(atlas.at(place, day))
    except LookupError:
        return False


def _cells(number: str, one: Evaluation, more: dict, place: dict[str, str]) -> list[Cell]:
    score = [None if value is None else float(value) for value in (one.score, one.scale_min, one.scale_max)]
    return [
        number, one.process_code, KIND_NAMES["evaluation", one.kind], one.round, place["社区"], place["小区"], SUBJECTS[more["type"]],
        None if more["person"] else one.subject, more["person"], EVALUATORS[one.evaluator_type], one.dimension, *score, one.grade,
        more["rank"], {True: "是", False: "否", None: None}[more["passed"]], one.day,
    ]  # fmt: skip
