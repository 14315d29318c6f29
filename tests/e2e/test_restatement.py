"""Late rows, a correction, a new definition and a merge of places, between two publications: each is told with its cause.

试验区 has 东镇 (甲, 乙, 大, 丙社区) and 西镇 (西社区). A first run publishes the ledger of September. Then the ledger of August arrives,
in which 丙 notes two lectures of February; the day of a lecture of 大 is corrected; 甲 and 乙 turn out to have merged in March; and
sessions (P16.sessions) are from now on all activities held. A second run publishes again.
"""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from ingest.cli import app
from samples.files import Sheet, write_xlsx
from tests.conftest import PROJECT, use_installation
from tests.parsed import ParsedProject

REGISTER_HEAD = ["级别", "名称", "上级", "区划代码", "类型", "英文名", "小区编号", "起始日期", "终止日期"]
PLACES = [
    ["区", "试验区", "", "990900", "", "", "", "", ""],
    ["镇街", "东镇", "试验区", "990900101", "", "", "", "", ""],
    ["镇街", "西镇", "试验区", "990900102", "", "", "", "", ""],
    ["社区", "大社区", "东镇", "990900101004", "", "", "", "", ""],
    ["社区", "丙社区", "东镇", "990900101007", "", "", "", "", ""],
    ["社区", "西社区", "西镇", "990900102001", "", "", "", "", ""],
]
APART = [[*head, "", until] for head, until in ((("社区", "甲社区", "东镇", "990900101001", "", "", ""), ""),
                                                (("社区", "乙社区", "东镇", "990900101002", "", "", ""), ""))]  # fmt: skip
MERGED = [
    ["社区", "甲社区", "东镇", "990900101001", "", "", "", "", "2026-03-01"],
    ["社区", "乙社区", "东镇", "990900101002", "", "", "", "", "2026-03-01"],
    ["社区", "甲社区", "东镇", "990900101003", "", "", "", "2026-03-01", ""],
]
CHANGE_HEAD = ["变更编号", "原名称", "原代码", "新名称", "新代码", "类型", "生效日期", "文号"]
MERGE = [
    ["1", "甲社区", "990900101001", "甲社区", "990900101003", "合并", "2026-03-01", "试民发〔2026〕1号"],
    ["1", "乙社区", "990900101002", "甲社区", "990900101003", "合并", "2026-03-01", "试民发〔2026〕1号"],
]
SEPTEMBER = [  # month, community, type, how many
    (1, "甲社区", "讲座", 3), (3, "甲社区", "讲座", 5), (4, "乙社区", "讲座", 2), (2, "大社区", "讲座", 5), (2, "丙社区", "讲座", 8),
    (6, "丙社区", "讲座", 4), (5, "西社区", "讲座", 2), (5, "西社区", "沙龙", 1),
]  # fmt: skip
AUGUST = [(2, "丙社区", "讲座", 2)]
MERGED_OLD, MERGED_TOO, MERGED_NEW, DA, BING, WEST_ONE = (
    f"990900{rest}" for rest in ("101001", "101002", "101003", "101004", "101007", "102001")
)
EAST, WEST, DISTRICT = "990900101", "990900102", "990900"
PAGE = "activity_ledger/活动台账_2026-0"


def ledger(path: Path, activities: list[tuple]) -> None:
    head = "序号,活动名称,活动日期,开始时间,社区,小区,地点,参与主体,活动方式,活动类型,主办单位,主办类型,参与人次,活动效果,状态"
    rows = [
        [f"{kind}", f"2026-{month:02}-05", "", community, "", "", "", "线下", kind, "", "", "10", "", "已举办"]
        for month, community, kind, count in activities
        for _ in range(count)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_xlsx(path, [Sheet("台账", [head.split(","), [], *([str(number), *row] for number, row in enumerate(rows, 1))])])


def table(path: Path, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def change_line(path: Path, begins: str, old: str, new: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    (number,) = [number for number, line in enumerate(lines) if line.startswith(begins)]
    assert old in lines[number]
    lines[number] = lines[number].replace(old, new, 1)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def installation(parsed: ParsedProject, tmp_path_factory: pytest.TempPathFactory):
    """GIVEN what the first run has published. WHEN all four things happen, and it runs again. Runs `gmw` there."""
    root = tmp_path_factory.mktemp("restatement")
    shutil.copytree(PROJECT / "dbt_project", root / "dbt_project", ignore=shutil.ignore_patterns("target"))
    drop, seeds = root / "home" / "drop", root / "dbt_project" / "seeds"
    with pytest.MonkeyPatch.context() as patch:
        use_installation(root / "home", drop, patch)
        patch.setattr("ingest.settings.__file__", str(root / "ingest" / "settings.py"))
        parsed.put_into(root / "home", root / "dbt_project")
        _restate(root, drop, seeds)
        yield gmw, root / "home"


def gmw(*arguments: str) -> str:
    """What a command says that succeeds."""
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.output


def _restate(root: Path, drop: Path, seeds: Path) -> None:
    table(drop / "place_register" / "小区台账_2026-09.csv", [REGISTER_HEAD, *PLACES, *APART])
    ledger(drop / f"{PAGE}9.xlsx", SEPTEMBER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exports.export.export", lambda: None)  # the second run makes the files of all that is published
        gmw("run", "place_register", "place_change_register", "activity_ledger")
    first = (root / "home" / "published" / "current").resolve()
    ledger(drop / f"{PAGE}8.xlsx", AUGUST)
    table(drop / "place_register" / "小区台账_2026-10.csv", [REGISTER_HEAD, *PLACES, *MERGED])
    table(drop / "place_change_register" / "区划调整台账_2026-10.csv", [CHANGE_HEAD, *MERGE])
    with (seeds / "correction.csv").open("a", encoding="utf-8") as file:
        file.write("2026-001,activity_ledger,活动台账_2026-09.xlsx,,activity_no,11,activity_date,2026-02-05,2026-01-05,"
                   "the community has looked it up,data team,2026-11-02\n")  # fmt: skip
    change_line(seeds / "metric_catalogue.csv", "P16.sessions,", "deliberation_sessions", "activities_held")
    change_line(seeds / "metric_catalogue.csv", "P16.sessions,", "none,1,", "none,2,")
    gmw("replay", "--why", "a correction")
    gmw("run", "place_register", "place_change_register", "activity_ledger")
    assert (root / "home" / "published" / "current").resolve() != first


@pytest.fixture(scope="module")
def published(installation):
    with duckdb.connect(str((installation[1] / "published" / "current").resolve() / "marts.duckdb"), read_only=True) as connection:
        yield connection


def restated(published: duckdb.DuckDBPyConnection, metric: str) -> dict[tuple[str, int], tuple]:
    """(place code, month) → old value, new value, main cause, all causes."""
    return {
        (code, month): row
        for code, month, *row in published.execute(
            """select split_part(place_key, ':', 2), month(period_start), old_value, new_value, main_cause, causes
            from kpi_restatement where metric_code = ? and period_type = 'month' and breakdown_type = 'none'""",
            [metric],
        ).fetchall()
    }


def files_behind(published: duckdb.DuckDBPyConnection, metric: str, code: str, month: int) -> dict[str, set[str]]:
    """Cause → the files of the batches that brought it."""
    rows = published.execute(
        """select cause, file_name from kpi_restatement inner join kpi_restatement_cause using (version, cause_no)
        where metric_code = ? and place_key like '%:' || ? and month(period_start) = ? and period_type = 'month'
            and breakdown_type = 'none'""",
        [metric, code, month],
    ).fetchall()
    return {cause: {file for other, file in rows if other == cause} for cause, _ in rows}


def test_late_rows_restate_the_month_in_which_they_fall(published):
    assert restated(published, "P01")[BING, 2] == [8, 10, "late_rows", "late_rows"]
    assert files_behind(published, "P01", BING, 2) == {"late_rows": {"活动台账_2026-08.xlsx"}}


def test_a_correction_restates_the_months_between_which_it_moves_a_row(published):
    found = restated(published, "P01")
    assert found[DA, 2] == [5, 4, "correction", "correction"]
    assert found[DA, 1] == [None, 1, "correction", "correction"]
    assert files_behind(published, "P01", DA, 2) == {"correction": {"活动台账_2026-09.xlsx"}}


def test_a_merge_restates_the_places_that_it_is_about_and_none_above_them(published):
    found = restated(published, "P01")
    assert found[MERGED_OLD, 3] == [5, None, "place_change", "place_change"]
    assert found[MERGED_NEW, 3] == [None, 5, "place_change", "place_change"]
    assert (EAST, 3) not in found and (DISTRICT, 3) not in found and (MERGED_OLD, 1) not in found
    assert files_behind(published, "P01", MERGED_NEW, 3) == {
        "place_change": {"小区台账_2026-10.csv", "区划调整台账_2026-10.csv"}
    }


def test_a_place_above_several_changes_names_them_all_and_the_heaviest_first(published):
    found = restated(published, "P01")
    assert found[EAST, 2] == [13, 14, "late_rows", "late_rows|correction"]
    assert found[DISTRICT, 2] == [13, 14, "late_rows", "late_rows|correction"]
    assert found[EAST, 1] == [3, 4, "correction", "correction"]


def test_a_new_definition_restates_its_metric_and_no_other(published):
    sessions = restated(published, "P16.sessions")
    assert sessions[WEST_ONE, 5] == [1, 3, "definition", "definition"]
    assert sessions[BING, 2] == [None, 10, "definition", "definition|late_rows"]
    assert {code for code, _ in restated(published, "P01")} & {WEST_ONE, WEST} == set()
    versions = published.execute(
        "select distinct old_definition_version, new_definition_version from kpi_restatement "
        "where metric_code = 'P16.sessions' and change = 'changed'"
    ).fetchall()
    assert versions == [(1, 2)]


def test_every_restatement_has_a_cause_and_says_by_how_much(published):
    assert published.execute("select count(*) from kpi_restatement where main_cause in ('unexplained', 'code')").fetchone() == (0,)
    row = published.execute(
        """select difference, relative_difference from kpi_restatement where metric_code = 'P01' and place_key like '%:' || ?
        and period_type = 'month' and month(period_start) = 2 and breakdown_type = 'none'""",
        [BING],
    ).fetchone()
    assert row == (2, 0.25)


def test_the_year_that_is_not_over_has_grown_and_is_not_restated(installation, published):
    assert published.execute("select count(*) from kpi_restatement where period_type in ('year', 'all')").fetchone() == (0,)
    assert "试验区" in installation[0]("restatements", "--growth", "--metric", "P01")


def test_the_command_line_tells_figure_cause_and_file(installation):
    said = installation[0]("restatements", "--metric", "P01", "--place", "丙社区")
    assert "8" in said and "10" in said and "late rows" in said and "活动台账_2026-08.xlsx" in said and "甲社区" not in said
