"""资助台账: one snapshot, in GB18030, of what was awarded, paid out, spent and raised by the projects themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from samples import gifts as words
from samples.atlas import Atlas
from samples.catalogue import PROCESS_NAMES
from samples.dice import Dice
from samples.files import write_csv
from samples.spelling import date_style, full_width, spelled
from samples.world import DATA_END, FIRST_DAY, Money, Place, World

SOURCE = "grant_ledger"
CENT = Decimal("0.01")
LONGEST = timedelta(days=200)  # from the announcement of a round to the last payment
ROUNDS = [date(2024, 10, 8), date(2025, 3, 10), date(2025, 9, 8), date(2026, 3, 9)]


@dataclass(frozen=True)
class Project:
    """A project that is paid for."""

    number: str
    name: str
    place: Place
    process: str
    round_code: str
    funder: str


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Write every movement since the beginning, in the order of days."""
    atlas = Atlas(world.places)
    moves: list[tuple[Money, Project]] = []
    number = 0
    for announced in ROUNDS:
        end = min(announced + LONGEST, DATA_END - timedelta(days=1))
        lasting = [place for place in atlas.on("community", announced) if atlas.exists(place.code, end)]
        for process, kinds, funders, projects, least, most, has_cap in words.PROGRAMMES:
            round_code = f"{process}-{announced:%Y%m}"
            count = dice.count(projects / 2 * world.size.communities / 9 * world.size.factor)
            if "budget" in kinds:
                office = Project("", PROCESS_NAMES[process], atlas.on("district", announced)[0], process, round_code, funders[0])
                moves.append(_move(office, "budget", announced, Decimal(count * most), funders[0]))
            for _ in range(max(1, count)):
                number += 1
                place = dice.pick(lasting)
                name = f"{place.name.removesuffix('社区')}{dice.pick(words.PROJECT_NAMES)}"
                project = Project(f"XM{announced.year}-{number:03d}", name, place, process, round_code, dice.pick(funders))
                award = Decimal(dice.between(least // 500, most // 500) * 500)
                moves += _life(dice, project, kinds, announced + timedelta(days=dice.between(12, 40)), award, has_cap)
    moves = [move for move in moves if FIRST_DAY <= move[0].day < DATA_END]
    moves.sort(key=lambda move: (move[0].day, move[1].number, move[0].kind))
    twin = next(number for number, (money, _) in enumerate(moves) if money.kind == "expenditure")
    moves.insert(twin, moves[twin])  # two payments of one amount on one day are two payments
    _write(world, dice, atlas, folder, moves)


def _move(project: Project, kind: str, day: date, amount: Decimal | None, funder: str) -> tuple[Money, Project]:
    nature = words.NATURES[words.FUNDERS[funder]]
    return Money(
        place=project.place.code, kind=kind, process_code=project.process, day=day, amount=amount, currency="CNY",
        source_type=nature, is_government=nature == "government", counterparty=funder, fund=funder,
        project=project.number or None, round_code=project.round_code,
    ), project  # fmt: skip


def _life(
    dice: Dice, project: Project, kinds: tuple, awarded_on: date, award: Decimal, has_cap: bool
) -> list[tuple[Money, Project]]:
    """Everything that is paid for one project."""
    moves = [_move(project, "award", awarded_on, award, project.funder)]
    if "matching_contribution" in kinds:
        share = Decimal(dice.between(52, 110)) / 100 if has_cap and not dice.chance(0.08) else Decimal(dice.between(30, 48)) / 100
        own = (award * share).quantize(CENT)
        moves.append(_move(project, "matching_contribution", awarded_on + timedelta(days=7), own, words.SELF))
    if "in_kind_donation" in kinds and dice.chance(0.7):
        value = Decimal(dice.between(2, 20) * 100) if dice.chance(0.5) else None
        moves.append(_move(project, "in_kind_donation", awarded_on + timedelta(days=10), value, words.SELF))
    if "disbursement" in kinds:
        for step, share in enumerate(dice.pick([("0.5", "0.3", "0.2"), ("0.5", "0.5"), ("0.6", "0.4"), ("1",)])):
            paid_on = awarded_on + timedelta(days=14 + 45 * step)
            moves.append(_move(project, "disbursement", paid_on, award * Decimal(share), project.funder))
            for _ in range(dice.between(2, 3) if "expenditure" in kinds else 0):
                spent = (award * Decimal(share) * (20 + dice.between(0, 11)) / 100 + dice.between(0, 99)).quantize(CENT)
                moves.append(_move(project, "expenditure", paid_on + timedelta(days=dice.between(2, 40)), spent, project.funder))
    return moves


def _write(world: World, dice: Dice, atlas: Atlas, folder: Path, moves: list[tuple[Money, Project]]) -> None:
    rows = []
    for number, (money, project) in enumerate(moves, 1):
        style = date_style(dice)
        place = atlas.at(money.place, money.day)
        if style != "iso":
            world.met(SOURCE, "date in slashes or Chinese")
        rows.append({
            "凭证号": f"PZ{money.day.year}-{number:04d}", "项目编号": project.number, "项目名称": project.name,
            "社区": place.name if place.level == "community" else "", "资助计划": PROCESS_NAMES[project.process],
            "轮次": project.round_code, "类型": words.KINDS[money.kind], "金额（元）": _spelled(money.amount), "日期": spelled(money.day, style),
            "资助方": money.counterparty, "资助方性质": words.FUNDERS[money.counterparty],
        })  # fmt: skip
    world.met(SOURCE, "thousands separator", rows=sum("," in row["金额（元）"] for row in rows))
    world.met(SOURCE, "gift in kind without a value", rows=sum(not row["金额（元）"] for row in rows))
    told: list[Money | None] = [money for money, _ in moves]
    spending = [number for number, (money, _) in enumerate(moves) if money.kind == "expenditure"]
    rows[spending[5]]["金额（元）"] = "若干"
    told[spending[5]] = None
    world.met(SOURCE, "amount in words", quarantined=True)
    rows[spending[9]]["金额（元）"] = full_width(rows[spending[9]]["金额（元）"])
    world.met(SOURCE, "full-width digits")
    rows[spending[12]]["类型"] += " "
    world.met(SOURCE, "spaces around a cell")
    world.money += [money for money in told if money]
    write_csv(folder / "资助台账_2026-09.csv", rows, encoding="gb18030", line_end="\r\n")


def _spelled(amount: Decimal | None) -> str:
    if amount is None:
        return ""
    return f"{amount:,.2f}" if amount >= 10000 else f"{amount.normalize():f}"
