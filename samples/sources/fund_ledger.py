"""资金台账: what no other ledger tells of money, on one sheet in 万元, and the property fees on one in 元."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from samples.atlas import Atlas
from samples.catalogue import KIND_NAMES, leaving
from samples.dice import Dice
from samples.files import Sheet, write_xlsx
from samples.naming import named
from samples.spelling import date_style, fault_of, full_width, spelled
from samples.times import months, next_month
from samples.world import DATA_END, FIRST_DAY, UNKNOWN, Money, World

SOURCE = "fund_ledger"
FUNDS, FEES = "资金", "物业费"
PER_UNIT = {FUNDS: ("万元", 10000), FEES: ("元", 1)}
COLUMNS = ["凭证号", "流程编号", "类型", "镇街", "社区", "小区", "日期", "金额", "来源类型", "政府资金", "往来单位", "基金", "项目编号", "户数"]
SOURCES = {"resident": "居民", "company": "企业", "government": "政府", "merchant": "商家", "foundation": "基金会"}
OF_KIND = {  # who gives or gets; fewest and most yuan
    "sale": ("merchant", 800, 26000), "levy": ("company", 500, 6000), "purchase": ("resident", 3000, 40000),
    "credit": ("company", 50000, 300000), "reward": ("government", 5000, 30000), "subsidy": ("government", 2000, 15000),
    "budget": ("government", 20000, 90000), "expenditure": (None, 300, 9000), "award": ("foundation", 2000, 12000),
    "fund_income": ("company", 900, 8000), "public_revenue": ("merchant", 400, 5000),
}  # fmt: skip
PARTNERS = {"resident": "瓜农{}户", "company": "禾塘合作社{}", "government": "青禾区财政局{}", "merchant": "惠民商铺{}", "foundation": "青禾基金会{}"}
WITH_BALANCES = {("C13", "public_revenue"), ("C13", "expenditure"), ("C13", "opening_balance"), ("C13", "closing_balance")}
KEPT_PRINCIPAL = {("E07", kind) for kind in ("fund_income", "expenditure", "endowment_gift", "endowment_balance")}
FEE_KINDS = {("C09", "fee_bill"), ("C09", "fee_payment")}


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Draw the money of the processes of which the other ledgers tell none."""
    atlas = Atlas(world.places)
    sheets: dict[str, list[Money]] = {FUNDS: [], FEES: []}
    add: Callable[[Money], None] = sheets[FUNDS].append
    share = world.size.communities / 9
    told = {(money.process_code, money.kind) for money in world.money} | WITH_BALANCES | KEPT_PRINCIPAL | FEE_KINDS
    for process, kind in leaving("money"):
        if (process, kind) in told:
            continue
        source, least, most = OF_KIND[kind]
        for _ in range(round((14 if kind in ("expenditure", "sale", "subsidy") else 7) * share * world.size.factor)):
            day = dice.day(FIRST_DAY, DATA_END)
            place = dice.pick(atlas.on("community", day)).code
            add(_money(dice, place, kind, process, day, dice.between(least, most), source))
    _public_revenue(dice, atlas, add, round(3 * share))
    _kept_principal(dice, atlas, add, round(3 * share))
    _fees(dice, atlas, sheets[FEES].append, round(6 * share))
    listed = {name: _listed(dice, atlas, rows) for name, rows in sheets.items()}
    _spoil(world, listed[FUNDS])
    _write(world, folder, listed)


def _money(
    dice: Dice, place: str, kind: str, process: str, day: date, amount: int, source: str | None = None, **more: object
) -> Money:
    partner = PARTNERS[source].format(dice.between(1, 9)) if source else None
    project = f"{process}-XM{dice.between(1, 5)}" if kind == "expenditure" and dice.chance(0.5) else None
    is_government = None if source is None else source == "government"
    return Money(place, kind, process, day, Decimal(amount), "CNY", source, is_government, partner, **{"project": project} | more)


def _public_revenue(dice: Dice, atlas: Atlas, add: Callable[[Money], None], estates: int) -> None:
    """Funds of estates with balances at both ends of each month; a few do not reconcile, one month has no closing balance."""
    for number, estate in enumerate(atlas.on("estate", FIRST_DAY)[2 : 2 + estates]):
        fund, balance = f"{estate.name}公共收益", 5000 * (number + 1)
        for month in months():
            last = next_month(month) - timedelta(days=1)
            more = {"fund": fund, "project": None}
            add(_money(dice, estate.code, "opening_balance", "C13", month, balance, **more))
            for _ in range(dice.between(1, 2)):
                income = dice.between(400, 3000)
                add(_money(dice, estate.code, "public_revenue", "C13", dice.day(month, last), income, "merchant", **more))
                balance += income
            spent = min(balance, dice.between(200, 3000))
            add(_money(dice, estate.code, "expenditure", "C13", dice.day(month, last), spent, **more))
            balance -= spent
            if dice.chance(0.1):
                balance += dice.pick([-120, 60, 300])  # somebody forgot to write it down
            if not (number == 0 and month == date(2025, 8, 1)):
                add(_money(dice, estate.code, "closing_balance", "C13", last, balance, **more))


def _kept_principal(dice: Dice, atlas: Atlas, add: Callable[[Money], None], funds: int) -> None:
    """Village funds that spend the income only; the last one has eaten into its principal."""
    for number, community in enumerate(atlas.on("community", date(2026, 9, 30))[:funds]):
        fund = {"fund": f"{community.name.removesuffix('社区')}不动本基金", "project": None}
        given = 0
        for month in months(every=3):
            day = dice.day(month, next_month(month))
            try:
                atlas.at(community.code, day)
            except LookupError:
                continue
            if not given or dice.chance(0.3):
                gift = dice.between(20, 90) * 1000
                given += gift
                add(_money(dice, community.code, "endowment_gift", "E07", day, gift, "resident", **fund))
            add(_money(dice, community.code, "fund_income", "E07", day, dice.between(600, 4000), "company", **fund))
            add(_money(dice, community.code, "expenditure", "E07", day, dice.between(300, 2500), **fund))
            is_eaten = number == funds - 1 and month > date(2026, 1, 1)
            now = given - 5000 if is_eaten else given + dice.between(0, 3) * 500
            last = next_month(month, 3) - timedelta(days=1)
            add(_money(dice, community.code, "endowment_balance", "E07", last, now, **fund))


def _fees(dice: Dice, atlas: Atlas, add: Callable[[Money], None], estates: int) -> None:
    """Property fees of a month: what is due of how many households, and what they have paid."""
    for number, estate in enumerate(atlas.on("estate", FIRST_DAY)[:estates]):
        households, fee = 260 + 70 * number, 120 + 15 * (number % 4)
        for month in months():
            paying = round(households * (0.78 + 0.2 * dice.random()))
            last = next_month(month) - timedelta(days=1)
            none = {"project": None}
            add(_money(dice, estate.code, "fee_bill", "C09", month, households * fee, households=households, **none))
            add(
                _money(
                    dice,
                    estate.code,
                    "fee_payment",
                    "C09",
                    dice.day(month, last),
                    paying * fee,
                    "resident",
                    households=paying,
                    **none,
                )
            )


def _listed(dice: Dice, atlas: Atlas, rows: list[Money]) -> list[tuple[Money | None, dict]]:
    """The rows in the order of their days, as most people write them."""
    listed = []
    for number, money in enumerate(sorted(rows, key=lambda one: one.day), 1):
        unit = PER_UNIT[FEES if money.kind.startswith("fee_") else FUNDS][1]
        day = spelled(money.day, date_style(dice))
        listed.append((money, {
            "凭证号": f"{'WY' if unit == 1 else 'ZJ'}-{number:05d}", "流程编号": money.process_code, "类型": KIND_NAMES["money", money.kind],
            **named(atlas, money.place, money.day), "日期": day if "-" not in day else money.day, "金额": float(money.amount / unit),
            "来源类型": SOURCES.get(money.source_type), "政府资金": {True: "是", False: "否", None: None}[money.is_government],
            "往来单位": money.counterparty, "基金": money.fund, "项目编号": money.project, "户数": money.households,
        }))  # fmt: skip
    return listed


def _spoil(world: World, listed: list[tuple[Money | None, dict]]) -> None:
    plain = [number for number, (money, _) in enumerate(listed) if money.fund is None]
    for number, column, value in zip(plain[3::20], ("金额", "日期", "金额"), ("若干", "2026-02-30", "约3"), strict=False):
        listed[number] = None, listed[number][1] | {column: value}
        world.met(SOURCE, fault_of(column, value), quarantined=True)
    for number in plain[5:60:25]:
        money, row = listed[number]
        listed[number] = replace(money, place=UNKNOWN), row | {"镇街": "", "社区": "溪畔社区", "小区": ""}
        world.met(SOURCE, "community not in the register")
    for number in plain[7:60:25]:
        listed[number][1]["金额"] = full_width(str(listed[number][1]["金额"]))
        world.met(SOURCE, "full-width digits")


def _write(world: World, folder: Path, listed: dict[str, list[tuple[Money | None, dict]]]) -> None:
    sheets = []
    for name, rows in listed.items():
        world.money += [money for money, _ in rows if money]
        unit, per_unit = PER_UNIT[name]
        total = sum((money.amount for money, _ in rows if money), Decimal(0)) / per_unit
        title = [f"青禾区{name}台账（2024年10月—2026年9月）", *[None] * (len(COLUMNS) - 2), f"单位：{unit}"]
        lines = [title, COLUMNS, *([row[column] for column in COLUMNS] for _, row in rows), ["合计", *[None] * 6, float(total)]]
        sheets.append(Sheet(name, lines))
    write_xlsx(folder / "资金台账_2026-09.xlsx", sheets)
