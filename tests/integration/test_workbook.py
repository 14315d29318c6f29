"""The workbook: cover, ranking, targets and changes say what the published figures say, and LibreOffice opens it clean."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date
from math import sqrt
from pathlib import Path

import openpyxl
import pytest

from exports import export, figures, publication, workbook, workbook_league
from ingest import warehouse
from tests.integration.changed_figures import change
from tests.integration.test_publication import build_toy

OFFICE = shutil.which("soffice")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GIVEN a published run with targets. WHEN it is exported."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMW_HOME", str(folder))
        build_toy("run-1")
        with warehouse.writer(purpose="test") as connection:
            connection.execute(
                """
                create table kpis.kpi_target as select 'qinghe' as place_key, 'R02' as metric_code, 'quarter' as period_type,
                    date '2026-07-01' as period_start, cast(null as varchar) as currency, 0.99::double as value, 'plan' as source
                """
            )
        publication.publish("run-1")
        export.export()
        yield folder


@pytest.fixture(scope="module")
def book(home: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(home / "exports" / "current" / "kpi.xlsx")


def table(sheet: openpyxl.worksheet.worksheet.Worksheet) -> list[dict]:
    headings = [str(cell.value or "").split("\n")[-1] for cell in sheet[5]]
    return [dict(zip(headings, row)) for row in sheet.iter_rows(min_row=6, values_only=True)]


def test_a_change_is_of_the_period_before_and_has_the_interval_of_newcombe(book: openpyxl.Workbook) -> None:
    quarters = [
        row for row in table(book["办结 Resolution"])
        if row["Place"] == "清河区 Qinghe District" and row["Metric"].startswith("R02") and row["Period"] in ("2026 Q2", "2026 Q3")
    ]
    third, second = sorted(quarters, key=lambda row: row["Period"], reverse=True)
    assert third["Change"] == pytest.approx(100 * (third["Value"] - second["Value"]))
    down = sqrt((third["Value"] - third["Lower"]) ** 2 + (second["Upper"] - second["Value"]) ** 2)
    up = sqrt((third["Upper"] - third["Value"]) ** 2 + (second["Value"] - second["Lower"]) ** 2)
    assert third["Change from"] == pytest.approx(third["Change"] - 100 * down)
    assert third["Change to"] == pytest.approx(third["Change"] + 100 * up)
    sure = third["Change from"] > 0 or third["Change to"] < 0
    assert third["Significance"].startswith("显著" if sure else "可能是偶然")


def test_a_period_that_is_not_over_and_the_first_one_are_compared_with_nothing(book: openpyxl.Workbook) -> None:
    rows = table(book["办结 Resolution"])
    assert {row["Change"] for row in rows if row["Status"] == "期间未完 partial" or row["Period"] in ("2025-01", "全部 all time")} == {None}
    assert [row for row in rows if row["Change"] is not None]


def test_a_target_stands_beside_its_figure_only(book: openpyxl.Workbook) -> None:
    rows = [row for pair in ("参与 Participation", "办结 Resolution") for row in table(book[pair]) if row["Target"] is not None]
    assert [(row["Place"], row["Period"], row["Target"], row["Reached"]) for row in rows] == [("清河区 Qinghe District", "2026 Q3", 0.99, "否 no")]


def test_places_are_ranked_by_the_published_values_where_n_reaches_the_minimum(home: Path, book: openpyxl.Workbook) -> None:
    shown = [row for row in table(book["排名 Ranking"]) if row["Metric"].startswith("R02") and row["Level"] == "town"]
    assert shown and all((row["Rank"] == "不排名 not ranked") == (row["n"] < row["Minimum n"]) for row in shown)
    ranked = [row for row in shown if isinstance(row["Rank"], int)]
    assert [row["Value"] for row in ranked] == sorted((row["Value"] for row in ranked), reverse=True)
    with figures.current() as published:
        values = published.rows("select value from kpi_value where metric_code = 'R02' and place_level = 'town' and period_type = 'all'")
    assert sorted(row["Value"] for row in shown) == sorted(row["value"] for row in values)


def test_a_place_with_too_small_an_n_has_no_rank(home: Path) -> None:
    with figures.current() as published:
        change(published, "place_key = 'qinghe/hebin' and metric_code = 'R02'", n="29")
        ranks = {row["place_key"]: row["place_rank"] for row in workbook_league.rows(published) if row["metric_code"] == "R02"}
    assert ranks["qinghe/hebin"] is None and ranks["qinghe/cuiyuan"] == 1


def test_the_cover_says_what_of_when_for_whom_and_how_good(book: openpyxl.Workbook) -> None:
    said = [[cell for cell in row if cell] for row in book["封面 Cover"].iter_rows(values_only=True)]
    labels = {row[0]: row[1] for row in said if len(row) == 2}
    assert labels["截至 As of"] == str(date(2026, 10, 31)) and labels["期间 Period"] == "2025-01-01 – 2026-11-01"
    assert "fewer than 5" in labels["读者 Audience"] and "run-1" in labels["版本 Version"]
    assert "发布检查" in labels["数据质量 Data quality"] and "没有可比较" in labels["与上一版本相比 What changed"]


@pytest.mark.skipif(OFFICE is None, reason="needs LibreOffice")
def test_libreoffice_opens_it_and_prints_it(home: Path, tmp_path: Path) -> None:
    subprocess.run(
        [OFFICE, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", "pdf", "--outdir", str(tmp_path),
         str(home / "exports" / "current" / "kpi.xlsx")],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    pdf = (tmp_path / "kpi.pdf").read_bytes()
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type/Page/") + pdf.count(b"/Type /Page /") >= 8


@pytest.mark.parametrize(("highest", "axis"), [(0.014, None), (0.62, 1)])
def test_a_chart_of_small_shares_ends_where_they_do(home: Path, tmp_path: Path, highest: float, axis: int | None) -> None:
    with figures.current() as published:
        change(published, "metric_code = 'R02'", value=str(highest), lower="null", upper="null")
        workbook.write(published, tmp_path / "kpi.xlsx")
    charts = openpyxl.load_workbook(tmp_path / "kpi.xlsx")["办结 Resolution"]._charts
    assert [chart.y_axis.scaling.max for chart in charts] == [axis]
