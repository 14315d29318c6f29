"""The money of the pandas script (`bench.peer_pandas`)."""

from __future__ import annotations

import numpy
import pandas

from bench.peer_pandas_people import CELL, Kpis, month_of
from bench.peer_pandas_topics import MEMBER, members

KINDS = {"捐赠": "raised", "立项资助": "awarded", "拨付": "disbursed", "支出": "spent"}
SOURCE_TYPES = {"居民": "resident", "企业": "company", "政府": "government", "基金会": "foundation"}
CENTS = 100


def money(kpis: Kpis, movements: pandas.DataFrame, attendances: pandas.DataFrame) -> None:
    """F01, F02, F03, F05, F06, F08, F13. Amounts are added up in cents, so that sums are exact."""
    rows = movements.rename(columns={"place_code": "community"})
    rows["month"], rows["source_type"] = month_of(rows.money_date), rows.source_type.map(SOURCE_TYPES)
    rows["kind"] = rows.kind.map(KINDS)
    rows["cents"] = (rows.amount * CENTS).round().astype("int64")
    total = _sums(kpis, rows)
    for metric, kind in (
        ("F01.raised", "raised"),
        ("F02.awarded", "awarded"),
        ("F02.disbursed", "disbursed"),
        ("F02.spent", "spent"),
    ):
        there = total[total[f"{kind}_count"] > 0]
        kpis.add(metric, there, there[kind] / CENTS, of=None)
    whole = total[total.breakdown_type == "none"]
    given = whole[whole.known_count > 0]
    kpis.add("F05", given, given.others / CENTS, given.government / CENTS)
    costs = whole.merge(attendances, on=CELL)
    for metric, kind in (("F06.attendance", "spent"), ("F06.attendance_awarded", "awarded")):
        there = costs[costs[f"{kind}_count"] > 0]
        kpis.add(metric, there, there[kind] / CENTS, there.attendances)
    _paid_so_far(kpis, total)
    _donors_and_projects(kpis, rows, total)
    _spread(kpis, whole)


def _sums(kpis: Kpis, rows: pandas.DataFrame) -> pandas.DataFrame:
    base = members(rows, ["source_type", "fund"])[["community", "month", *MEMBER, "kind", "source_type", "cents"]]
    for kind in KINDS.values():
        base[kind] = base.cents.where(base.kind == kind, 0)
        base[f"{kind}_count"] = (base.kind == kind).astype(int)
    is_known = base.kind.isin(["raised", "awarded"])
    base["known_count"] = is_known.astype(int)
    base["government"] = base.cents.where(is_known & (base.source_type == "government"), 0)
    base["others"] = base.cents.where(is_known & (base.source_type != "government"), 0)
    added = [*KINDS.values(), *(f"{kind}_count" for kind in KINDS.values()), "known_count", "government", "others"]
    base = base.groupby(["community", "month", *MEMBER])[added].sum().reset_index()
    return kpis.at_every_level(base).groupby([*CELL, *MEMBER])[added].sum().reset_index()


def _paid_so_far(kpis: Kpis, total: pandas.DataFrame) -> None:
    """F03: what had been awarded and paid by the end of each period."""
    monthly = total[(total.period_type == "month") & total.breakdown_type.isin(["none", "fund"])]
    for (name, start), ends in kpis.period.groupby(["period_type", "period_start"]):
        before = monthly[monthly.period_start < ends.period_end.iloc[0]]
        paid = before.groupby(["place", *MEMBER])[["disbursed", "awarded", "awarded_count"]].sum().reset_index()
        paid = paid[paid.awarded_count > 0].assign(period_type=name, period_start=start)
        kpis.add("F03", paid, paid.disbursed / CENTS, paid.awarded / CENTS, of=None)


def _donors_and_projects(kpis: Kpis, rows: pandas.DataFrame, total: pandas.DataFrame) -> None:
    """F01.donors, F06.project, F08."""
    at_place = kpis.at_every_level(rows)
    gifts = at_place[at_place.kind == "raised"].groupby([*CELL, "counterparty"]).cents.sum().reset_index()
    donors = gifts.groupby(CELL).cents.agg(["size", "sum", "max"]).reset_index()
    kpis.add("F01.donors", donors, donors["size"])
    kpis.add("F08.top_donor", donors, donors["max"] / CENTS, donors["sum"] / CENTS)
    spent = at_place[(at_place.kind == "spent") & at_place.project_no.notna()].groupby(CELL)
    spent = spent.agg(cents=("cents", "sum"), projects=("project_no", "nunique")).reset_index()
    kpis.add("F06.project", spent, spent.cents / CENTS, spent.projects)
    of_type = total[(total.breakdown_type == "source_type") & (total.raised_count > 0)]
    of_type = of_type.assign(raised=of_type.raised / CENTS, squares=(of_type.raised / CENTS) ** 2)
    diverse = of_type.groupby(CELL)[["raised", "squares"]].sum().reset_index()
    kpis.add("F08.diversity", diverse, None, diverse.raised, 1 - diverse.squares / diverse.raised**2)


def _spread(kpis: Kpis, whole: pandas.DataFrame) -> None:
    """F13 over the places directly below."""
    up = kpis.place_up.rename(columns={"place": "child"})
    below = kpis.place_up.merge(up, on="community")
    below = below[below.depth_y == below.depth_x + 1][["place", "child"]].drop_duplicates()
    cells = below.merge(kpis.period[["period_type", "period_start"]].drop_duplicates(), how="cross")
    awarded = whole[["place", "period_type", "period_start", "awarded"]].rename(columns={"place": "child"})
    cells = (
        cells.merge(awarded, on=["child", "period_type", "period_start"], how="left")
        .fillna({"awarded": 0})
        .sort_values([*CELL, "awarded"])
    )
    cells["awarded"] /= CENTS
    by_cell = cells.groupby(CELL)
    cells["position"], cells["children"] = by_cell.cumcount() + 1, by_cell.child.transform("size")
    cells["weighted"] = cells.position * cells.awarded
    cells["top"] = cells.awarded.where(cells.position > cells.children - numpy.ceil(cells.children / 10), 0)
    spread = (
        cells.groupby(CELL)
        .agg(awarded=("awarded", "sum"), weighted=("weighted", "sum"), top=("top", "sum"), n=("child", "size"))
        .reset_index()
    )
    spread = spread[spread.awarded > 0]
    kpis.add(
        "F13.gini", spread, None, spread.awarded, 2 * spread.weighted / (spread.n * spread.awarded) - (spread.n + 1) / spread.n
    )
    kpis.add("F13.top_share", spread, spread.top, spread.awarded)
