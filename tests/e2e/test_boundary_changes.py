"""A merge, a split, two transfers and a rename: as it was, within the boundaries of today, and both ways; sums by hand.

试验区 has 东镇 (甲, 乙, 大, 丙社区) and 西镇 (旧名社区). In 2026: 甲 and 乙 merge into a new 甲社区 in March, and the estate 河畔 of 乙
goes with them under a new code; 大 splits into 大一 and 大二 in April, its estate 花园 stays with 大一; 丙 goes over to 西镇 in May;
旧名 is called 新名 from June on.
"""

from __future__ import annotations

import csv

import duckdb
import pytest

from ingest.run import run_all
from samples.files import Sheet, write_xlsx
from tests.conftest import use_installation
from tests.parsed import ParsedProject

REGISTER = [
    ["级别", "名称", "上级", "区划代码", "类型", "英文名", "小区编号", "起始日期", "终止日期"],
    ["区", "试验区", "", "990900", "", "", "", "", ""],
    ["镇街", "东镇", "试验区", "990900101", "", "", "", "", ""],
    ["镇街", "西镇", "试验区", "990900102", "", "", "", "", ""],
    ["社区", "甲社区", "东镇", "990900101001", "", "", "", "", "2026-03-01"],
    ["社区", "乙社区", "东镇", "990900101002", "", "", "", "", "2026-03-01"],
    ["社区", "甲社区", "东镇", "990900101003", "", "", "", "2026-03-01", ""],
    ["社区", "大社区", "东镇", "990900101004", "", "", "", "", "2026年4月1日"],
    ["社区", "大一社区", "东镇", "990900101005", "", "", "", "2026-04-01", ""],
    ["社区", "大二社区", "东镇", "990900101006", "", "", "", "2026-04-01", ""],
    ["社区", "丙社区", "东镇", "990900101007", "", "", "", "", ""],
    ["社区", "丙社区", "西镇", "990900101007", "", "", "", "2026-05-01", ""],
    ["社区", "旧名社区", "西镇", "990900102001", "", "", "", "", "2026-06-01"],
    ["社区", "新名社区", "西镇", "990900102001", "", "", "", "2026-06-01", ""],
    ["小区", "花园", "大社区", "", "", "", "XQ-1", "", "2026-04-01"],
    ["小区", "花园", "大一社区", "", "", "", "XQ-1", "2026-04-01", ""],
    ["小区", "河畔", "乙社区", "", "", "", "", "", "2026-03-01"],
    ["小区", "河畔", "甲社区", "", "", "", "", "2026-03-01", ""],
]
CHANGES = [
    ["变更编号", "原名称", "原代码", "新名称", "新代码", "类型", "生效日期", "文号"],
    ["1", "甲社区", "990900101001", "甲社区", "990900101003", "合并", "2026-03-01", "试民发〔2026〕1号"],
    ["1", "乙社区", "", "甲社区", "", "合并", "2026-03-01", "试民发〔2026〕1号"],
    ["2", "河畔", "", "河畔", "", "移交", "2026-03-01", ""],
    ["3", "大社区", "990900101004", "大一社区", "990900101005", "拆分", "2026-04-01", ""],
    ["3", "大社区", "990900101004", "大二社区", "990900101006", "拆分", "2026-04-01", ""],
    ["4", "丙社区", "990900101007", "丙社区", "990900101007", "移交", "2026-05-01", ""],
    ["5", "旧名社区", "990900102001", "新名社区", "990900102001", "更名", "2026/6/1", ""],
]
POPULATION = [  # day, town, community, permanent population
    ("2025-12-31", "东镇", "甲社区", 1000), ("2025-12-31", "东镇", "乙社区", 500), ("2025-12-31", "东镇", "大社区", 2000),
    ("2025-12-31", "东镇", "丙社区", 800), ("2025-12-31", "西镇", "旧名社区", 400),
    ("2026-06-30", "东镇", "大一社区", 1500), ("2026-06-30", "东镇", "大二社区", 700),
]  # fmt: skip
ACTIVITIES = [  # month, community, estate, how many
    (1, "甲社区", "", 3), (1, "乙社区", "", 2), (2, "乙社区", "河畔", 1), (3, "甲社区", "", 5), (4, "甲社区", "河畔", 1),
    (2, "大社区", "", 4), (2, "大社区", "花园", 1), (5, "大一社区", "", 6), (5, "大二社区", "", 7),
    (5, "大社区", "", 1),  # noted under a community that is no more
    (2, "丙社区", "", 8), (6, "丙社区", "", 9),
    (1, "旧名社区", "", 1), (7, "旧名社区", "", 2), (7, "新名社区", "", 1),  # the old name is still in use
]  # fmt: skip
JIA_OLD, YI, JIA, DA, DA_1, DA_2, BING = (f"99090010100{number}" for number in range(1, 8))
EAST, WEST, DISTRICT, RENAMED = "990900101", "990900102", "990900", "990900102001"


@pytest.fixture(scope="module")
def built(parsed: ParsedProject, tmp_path_factory: pytest.TempPathFactory):
    """GIVEN the ledgers of 试验区. WHEN everything runs once. The published copy."""
    root = tmp_path_factory.mktemp("boundaries")
    head = "序号,活动名称,活动日期,开始时间,社区,小区,地点,参与主体,活动方式,活动类型,主办单位,主办类型,参与人次,活动效果,状态"
    activities = [
        ["讲座", f"2026-{month:02}-05", "", community, estate, "", "", "线下", "讲座", "", "", "10", "", "已举办"]
        for month, community, estate, count in ACTIVITIES
        for _ in range(count)
    ]
    files = {
        "place_register/小区台账_2026-09.csv": REGISTER,
        "place_change_register/区划调整台账_2026-09.csv": CHANGES,
        "population_register/人口台账_2026-06.csv": [
            ["统计日期", "镇街", "社区", "小区", "常住人口", "户籍人口", "户数"],
            *([day, town, community, "", value, "", ""] for day, town, community, value in POPULATION),
        ],
    }
    for name, rows in files.items():
        path = root / "drop" / name
        path.parent.mkdir(parents=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    ledger = [head.split(","), [], *([number, *row] for number, row in enumerate(activities, 1))]
    write_xlsx(root / "drop" / "activity_ledger" / "活动台账_2026-09.xlsx", [Sheet("台账", ledger)])
    with pytest.MonkeyPatch.context() as patch:
        use_installation(root / "home", root / "drop", patch)
        parsed.put_into(root / "home")
        assert run_all("changes", None, lambda step: None, print) == []
    with duckdb.connect(str(root / "home" / "warehouse" / "gmw_build.duckdb"), read_only=True) as connection:
        connection.execute(f"attach '{root / 'home' / 'published' / 'current' / 'marts.duckdb'}' as published (read_only)")
        yield connection


def activities(built: duckdb.DuckDBPyConnection, table: str, period_type: str) -> dict:
    """(place code, month) → activities held, per month; place code → activities held, per year."""
    rows = built.execute(
        f"""select split_part(place_key, ':', 2), month(period_start), value::integer from published.{table}
        where metric_code = 'P01' and breakdown_type = 'none' and period_type = ? and value > 0""",
        [period_type],
    ).fetchall()
    return {(code, month) if period_type == "month" else code: value for code, month, value in rows}


def population(built: duckdb.DuckDBPyConnection, month: int) -> dict[str, int]:
    """Place code → permanent population valid in a month of 2026."""
    return dict(
        built.execute(
            """select split_part(place_key, ':', 2), value::integer from intermediate.int_population_in_period
            where period_type = 'month' and measure = 'permanent' and period_start = make_date(2026, ?, 1)""",
            [month],
        ).fetchall()
    )


def test_every_row_finds_the_place_that_bore_its_name_on_its_day(built: duckdb.DuckDBPyConnection) -> None:
    assert built.execute("select * from published.quality_unmatched_place").fetchall() == []
    assert built.execute("select * from published.quality_rejected_row").fetchall() == []
    found = activities(built, "kpi_value", "month")
    assert (found[JIA_OLD, 1], found[JIA, 3], found[RENAMED, 1], found[RENAMED, 7]) == (3, 5, 1, 3)


def test_as_it_was_a_place_has_its_own_records_and_no_others(built: duckdb.DuckDBPyConnection) -> None:
    found = activities(built, "kpi_value", "year")
    assert {code: found[code] for code in (JIA_OLD, YI, JIA, DA, DA_1, DA_2, BING, RENAMED)} == {
        JIA_OLD: 3, YI: 2 + 1, JIA: 5 + 1, DA: 4 + 1 + 1, DA_1: 6, DA_2: 7, BING: 8 + 9, RENAMED: 4,
    }  # fmt: skip


def test_a_transferred_community_counts_in_each_town_while_it_belonged_to_it(built: duckdb.DuckDBPyConnection) -> None:
    months = activities(built, "kpi_value", "month")
    assert {month: count for (code, month), count in months.items() if code == EAST} == {1: 5, 2: 1 + 5 + 8, 3: 5, 4: 1, 5: 14}
    assert {month: count for (code, month), count in months.items() if code == WEST} == {1: 1, 6: 9, 7: 3}
    years = activities(built, "kpi_value", "year")
    assert (years[EAST], years[WEST], years[DISTRICT]) == (39, 13, 52)


def test_the_path_of_a_place_is_the_one_of_the_period(built: duckdb.DuckDBPyConnection) -> None:
    rows = built.execute(
        f"""select month(period_start), place_path from published.kpi_value
        where metric_code = 'P01' and breakdown_type = 'none' and period_type = 'month' and value > 0
            and split_part(place_key, ':', 2) in ('{BING}', '{RENAMED}') order by 1, 2"""
    ).fetchall()
    assert rows == [
        (1, "试验区 / 西镇 / 旧名社区"), (2, "试验区 / 东镇 / 丙社区"), (6, "试验区 / 西镇 / 丙社区"), (7, "试验区 / 西镇 / 新名社区"),
    ]  # fmt: skip


def test_within_the_boundaries_of_today_a_merged_place_has_the_history_of_both(built: duckdb.DuckDBPyConnection) -> None:
    months = activities(built, "kpi_like_for_like", "month")
    assert {month: count for (code, month), count in months.items() if code == JIA} == {1: 3 + 2, 2: 1, 3: 5, 4: 1}
    assert {month: count for (code, month), count in months.items() if code == f"{JIA}-河畔"} == {2: 1, 4: 1}
    assert not {JIA_OLD, YI, f"{YI}-河畔"} & set(activities(built, "kpi_like_for_like", "year"))


def test_a_split_place_goes_on_as_the_sum_of_its_parts_and_its_history_is_not_divided(built: duckdb.DuckDBPyConnection) -> None:
    months = activities(built, "kpi_like_for_like", "month")
    assert {month: count for (code, month), count in months.items() if code == DA_1} == {2: 1, 5: 6}  # the estate moved with it
    assert {month: count for (code, month), count in months.items() if code == DA_2} == {5: 7}
    assert {month: count for (code, month), count in months.items() if code == DA} == {2: 4 + 1, 5: 6 + 7 + 1}
    (closed,) = built.execute(
        f"select distinct place_valid_to::varchar, boundary_date::varchar from published.kpi_like_for_like where place_key like '%:{DA}'"
    ).fetchall()
    assert closed == ("2026-04-01", "2026-07-31")


def test_within_the_boundaries_of_today_a_town_has_what_is_below_it_today_since_ever(built: duckdb.DuckDBPyConnection) -> None:
    years = activities(built, "kpi_like_for_like", "year")
    assert years[JIA] == 12 and years[DA] == 19 and years[BING] == 17 and years[RENAMED] == 4
    assert (years[EAST], years[WEST], years[DISTRICT]) == (12 + 19, 17 + 4, 52)


def test_boundary_changes_leave_the_district_as_it_is(built: duckdb.DuckDBPyConnection) -> None:
    columns = "metric_code, period_type, period_start, numerator, denominator, value, status"
    where = f"split_part(place_key, ':', 2) = '{DISTRICT}' and breakdown_type = 'none' and period_type != 'wave'"
    today = built.execute(f"select {columns} from published.kpi_like_for_like where {where} order by all").fetchall()
    metrics = {row[0] for row in today}
    assert {"P01", "P05"} <= metrics
    as_it_was = built.execute(f"select {columns} from published.kpi_value where {where} order by all").fetchall()
    assert today == [row for row in as_it_was if row[0] in metrics]


def test_population_is_the_one_valid_in_the_period(built: duckdb.DuckDBPyConnection) -> None:
    january, march, april, june = (population(built, month) for month in (1, 3, 4, 6))
    assert january == {JIA_OLD: 1000, YI: 500, DA: 2000, BING: 800, RENAMED: 400, EAST: 4300, WEST: 400, DISTRICT: 4700}
    assert (march[JIA], march[EAST]) == (1500, 4300)  # the merged places' counts, until the new one is counted
    assert not {DA, DA_1, DA_2, EAST, DISTRICT} & set(april)  # nobody has counted the parts yet
    assert (june[DA_1], june[EAST], june[WEST], june[DISTRICT]) == (1500, 1500 + 1500 + 700, 800 + 400, 4900)


def test_the_changes_are_published_with_their_places(built: duckdb.DuckDBPyConnection) -> None:
    rows = built.execute(
        """select change_id, change_type, split_part(old_place_key, ':', 2), split_part(new_place_key, ':', 2)
        from published.dim_place_change order by all"""
    ).fetchall()
    assert rows == [
        ("1", "merge", JIA_OLD, JIA), ("1", "merge", YI, JIA), ("2", "transfer", f"{YI}-河畔", f"{JIA}-河畔"),
        ("3", "split", DA, DA_1), ("3", "split", DA, DA_2), ("4", "transfer", BING, BING), ("5", "rename", RENAMED, RENAMED),
    ]  # fmt: skip


def test_dim_place_has_a_row_per_version_and_one_current_one(built: duckdb.DuckDBPyConnection) -> None:
    rows = built.execute(
        f"""select place_name, parent_place_key like '%:{EAST}', valid_from::varchar, valid_to::varchar, is_current
        from published.dim_place where place_code in ('{BING}', '{JIA_OLD}', '{RENAMED}') order by place_code, valid_from nulls first"""
    ).fetchall()
    assert rows == [
        ("甲社区", True, None, "2026-03-01", True),
        ("丙社区", True, None, "2026-05-01", False), ("丙社区", False, "2026-05-01", None, True),
        ("旧名社区", False, None, "2026-06-01", False), ("新名社区", False, "2026-06-01", None, True),
    ]  # fmt: skip
