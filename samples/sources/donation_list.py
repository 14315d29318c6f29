"""捐赠公示: a workbook per quarter with a title, a note of the unit, and a total row that is a check, not data."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

from samples import gifts as words
from samples.atlas import Atlas
from samples.catalogue import PROCESS_NAMES
from samples.dice import Dice
from samples.files import Cell, Sheet, write_xlsx
from samples.spelling import date_style, full_width, spelled
from samples.times import months, next_month
from samples.world import DATA_END, Money, World

SOURCE = "donation_list"
IN_A_QUARTER = 5  # gifts of a community
IN_YUAN_UNTIL = date(2025, 4, 1)
HEADER = ["收据号", "日期", "姓名", "捐赠方类型", "募捐项目", "金额", "社区", "基金名称", "用途"]
AMOUNT, NAME, PURPOSE = 5, 2, 8


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Write the lists, in yuan at first and in 万元 later."""
    atlas = Atlas(world.places)
    number = 0
    for quarter in months(every=3):
        unit = "元" if quarter < IN_YUAN_UNTIL else "万元"
        rows: list[list[Cell]] = []
        gifts: list[Money | None] = []
        count = dice.count(IN_A_QUARTER * len(atlas.on("community", quarter)) * world.size.factor)
        for day in sorted(dice.day(quarter, next_month(quarter, 3)) for _ in range(count)):
            number += 1
            gift, row = _gift(dice, atlas, f"JZ{day.year}-{number:04d}", day, unit)
            gifts.append(gift)
            rows.append(row)
        _spoil(world, rows, gifts, unit, is_last=next_month(quarter, 3) == DATA_END)
        for row in rows:
            if isinstance(row[1], str):
                world.met(SOURCE, "date in slashes or Chinese")
            if row[AMOUNT] == "":
                world.met(SOURCE, "gift in kind without a value")
        world.money += [gift for gift in gifts if gift]
        total = sum((gift.amount for gift in gifts if gift and gift.amount), Decimal(0))
        title = f"青禾区社区捐赠公示（{quarter.year}年第{(quarter.month + 2) // 3}季度）"
        last = len(rows) + 3
        table: list[list[Cell]] = [[title], [f"单位：{unit}"], HEADER, *rows, ["合计", *[""] * 4, _in(total, unit)]]
        world.met(SOURCE, "total row")
        write_xlsx(folder / f"捐赠公示_{next_month(quarter, 2):%Y-%m}.xlsx",
                   [Sheet("公示", table, [(0, 0, 0, 8), (1, 0, 1, 8), (last, 0, last, 4)])])  # fmt: skip


def _gift(dice: Dice, atlas: Atlas, number: str, day: date, unit: str) -> tuple[Money, list[Cell]]:
    name, donor_type = dice.pick(words.DONORS)
    process, goes_to_fund = dice.weighted([((process, fund), share) for process, share, fund in words.CAMPAIGNS])
    community = dice.pick(atlas.on("community", day))
    amount = Decimal(dice.pick([50, 100, 100, 200, 500, 1000]) * (1 if donor_type in ("居民", "匿名") else 20))
    is_in_kind = process == "E16"
    is_unvalued = is_in_kind and dice.chance(0.5)
    fund = words.FUNDS[process].format(community.name.removesuffix("社区")) if goes_to_fund else None
    gift = Money(
        place=community.code, kind="in_kind_donation" if is_in_kind else "donation", process_code=process, day=day,
        amount=None if is_unvalued else amount, currency="CNY", source_type=words.SOURCE_TYPES[donor_type],
        is_government=None if donor_type == "单位" else False, counterparty=None if donor_type == "匿名" else name, fund=fund,
    )  # fmt: skip
    style = date_style(dice)
    row: list[Cell] = [number, day if style == "iso" else spelled(day, style), name, donor_type, PROCESS_NAMES[process],
                       "" if is_unvalued else _in(amount, unit), community.name, fund,
                       dice.pick(words.IN_KIND if is_in_kind else words.PURPOSES)]  # fmt: skip
    return gift, row


def _in(amount: Decimal, unit: str) -> Cell:
    """The amount as the list writes it: thousands separated in yuan, a plain number in 万元."""
    if unit == "元":
        return f"{amount:,.2f}" if amount >= 1000 else int(amount)
    return float(amount / 10000)


def _spoil(world: World, rows: list[list[Cell]], gifts: list[Money | None], unit: str, is_last: bool) -> None:
    valued = [number for number, gift in enumerate(gifts) if gift.amount is not None]
    world.met(SOURCE, "thousands separator", rows=sum("," in str(row[AMOUNT]) for row in rows))
    rows[valued[4]][AMOUNT] = full_width(f"{float(gifts[valued[4]].amount / (1 if unit == '元' else 10000)):g}".replace(".", "．"))
    world.met(SOURCE, "full-width digits")
    rows[valued[7]][NAME] = f" {rows[valued[7]][NAME]}　"
    world.met(SOURCE, "spaces around a cell")
    if unit == "万元":
        rows[valued[9]][AMOUNT] = f"{gifts[valued[9]].amount:.0f}元"
        world.met(SOURCE, "amount with a unit of its own")
    if is_last:
        rows[valued[12]][AMOUNT] = "若干"
        gifts[valued[12]] = None
        world.met(SOURCE, "amount in words", quarantined=True)
