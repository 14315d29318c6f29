"""Exports: what people open says the same as the published kpi_value, runs no formula and fetches nothing."""

from __future__ import annotations

import csv
import os
import zipfile
from pathlib import Path

import openpyxl
import pytest
from rich.cells import cell_len

from exports import export, figures, headline, publication, versions, words
from tests.integration.test_publication import AS_OF, CATALOGUE, PLACES, QUESTIONS, build_toy, kpi_rows

RUN = "run-20261101"
NAMES = {key: words.both((name, english or "")) for key, _, name, english, _, _ in PLACES}
SHEETS = {"封面 Cover", "排名 Ranking", "概览 Summary", "图表 Charts", "参与 Participation", "办结 Resolution", "满意 Satisfaction", "资金 Funding",
          "核对 Reported figures", "更改 Restated", "定义 Definitions"}  # fmt: skip
NUMBERS = {"value", "value_display", "lower", "upper", "n", "numerator", "denominator"}
FILES = ["datapackage.json", "index.html", "kpi.csv", "kpi.parquet", "kpi.xlsx", "manifest.json", "metric.csv", "place.csv"]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home with one published run, exported."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMW_HOME", str(folder))
        build_toy(RUN)
        publication.publish(RUN)
        export.export()
        yield folder


@pytest.fixture(scope="module")
def published(home) -> list[dict]:
    """The rows of kpi_value as published."""
    with figures.current() as current:
        return current.rows("from kpi_value")


@pytest.fixture(scope="module")
def kpi_csv(home) -> list[dict[str, str]]:
    with open(home / "exports" / "current" / "kpi.csv", encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def book(home) -> openpyxl.Workbook:
    return openpyxl.load_workbook(home / "exports" / "current" / "kpi.xlsx")


def table(sheet) -> list[dict]:
    """The rows of a family sheet by English heading."""
    headings = [cell.value.split("\n")[-1] for cell in sheet[5][:16]]
    return [dict(zip(headings, row)) for row in sheet.iter_rows(min_row=6, max_col=16, values_only=True)]


def test_csv_has_every_row_of_kpi_value_unrounded(kpi_csv, published):
    def key(row):
        return tuple(str(row[name] if row[name] is not None else "") for name in (
            "metric_code", "place_key", "period_type", "period_start", "currency"))  # fmt: skip

    numbers = ("value", "lower", "upper", "numerator", "denominator", "n")
    visible = [row for row in published if row["status"] != "suppressed" and row["breakdown_type"] == "none"]
    expected = {key(row): [row[name] for name in numbers] for row in visible}
    found = {
        key(row): [float(row[name]) if row[name] else None for name in numbers]
        for row in kpi_csv if row["breakdown_type"] == "none"
    }  # fmt: skip
    assert len(kpi_csv) == len(published) == len(kpi_rows(RUN))
    assert found == expected


def test_csv_starts_with_a_byte_order_mark_for_excel(home):
    assert (home / "exports" / "current" / "kpi.csv").read_bytes().startswith(b"\xef\xbb\xbfmetric_code,")


def test_csv_shows_rounded_values_and_names_beside_the_codes(kpi_csv):
    shown = {
        (row["metric_code"], row["place_key"], row["breakdown_value"]): row
        for row in kpi_csv if row["period_type"] in ("all", "wave")
    }  # fmt: skip
    assert shown["F01.raised", "qinghe", "total"]["value_display"] == "1234567.89"
    assert shown["R02", "qinghe", "total"]["value_display"] == "71.7%"
    assert shown["R02", "qinghe", "total"]["name_zh"] == "办结率"
    assert shown["R02", "qinghe/cuiyuan", "total"]["place_name"] == "翠园镇"
    assert shown["R05.median", "qinghe", "total"]["value_display"] == ""


def test_a_share_short_of_the_whole_is_never_shown_as_100_percent(kpi_csv):
    (row,) = [row for row in kpi_csv if row["numerator"] == "2999.0"]
    assert row["value_display"] == "99.97%"


def test_a_suppressed_figure_has_no_number_in_the_csv_and_the_workbook(kpi_csv, book):
    hidden = [row for row in kpi_csv if row["status"] == "suppressed"]
    assert len(hidden) == len(PLACES)
    numbers = ("value", "value_display", "numerator", "denominator", "n", "lower", "upper")
    assert {row[name] for row in hidden for name in numbers} == {""}
    rows = [row for row in table(book["办结 Resolution"]) if row["Status"] == "已隐去 suppressed"]
    assert [(row["Value"], row["n"], row["Numerator"]) for row in rows] == [("已隐去 suppressed", None, None)] * 5


def test_no_text_of_the_csv_is_a_formula(kpi_csv):
    texts = [text for row in kpi_csv for name, text in row.items() if name not in NUMBERS]
    assert not [text for text in texts if text[:1] in "=+-@" and text]
    assert {"'=1+2河滨镇", "'=cmd|'/c calc'!A1"} <= set(texts)


def test_no_cell_of_the_workbook_is_a_formula_or_a_link(book):
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert not [cell.coordinate for cell in cells if cell.data_type == "f" or cell.hyperlink]
    risky = [cell for cell in cells if str(cell.value).startswith("=")]
    assert {cell.value for cell in risky} == {"=1+2河滨镇", "=cmd|'/c calc'!A1"}
    assert all(cell.quotePrefix for cell in risky)


def test_family_sheets_hold_the_published_values_of_the_top_two_levels(book, published):
    def expected_key(row):
        label = dict(QUESTIONS).get(row["breakdown_value"], row["breakdown_value"])
        breakdown = None if row["breakdown_type"] == "none" else label
        return NAMES[row["place_key"]], row["metric_code"], words.period(row), breakdown, row["currency"]

    expected = {
        expected_key(row): (row["value"], row["lower"], row["upper"], row["n"])
        for row in published
        if row["place_level"] != "community" and row["status"] != "suppressed" and row["value"] is not None
    }
    found = {
        (row["Place"], row["Metric"].split()[0], row["Period"], row["Breakdown"], row["Currency"]):
            (row["Value"], row["Lower"], row["Upper"], row["n"])
        for pair in words.FAMILIES.values() for row in table(book[words.both(pair)])
        if isinstance(row["Value"], (int, float))
    }  # fmt: skip
    assert found == {key: tuple(pytest.approx(number) for number in row) for key, row in expected.items()}


def test_missing_values_stand_in_words(book):
    rows = table(book["办结 Resolution"]) + table(book["满意 Satisfaction"])
    said = {(row["Metric"].split()[0], row["Value"]) for row in rows}
    assert {("R05.median", "未达到 not reached"), ("S03", "无基数 no base")} <= said


def test_number_formats_follow_the_catalogue(book):
    formats = {}
    for name in ("参与 Participation", "办结 Resolution", "资金 Funding"):
        for row in book[name].iter_rows(min_row=6):
            formats.setdefault(row[2].value.split()[0], set()).add(row[6].number_format)
    assert formats["P01"] == {"#,##0"}
    assert formats["P05"] == {"#,##0.0"}
    assert formats["R02"] == {"0.0%"}
    assert formats["F01.raised"] == {"#,##0.00"}


def test_every_sheet_says_as_of_and_run_and_prints_on_a4_landscape(book):
    assert set(book.sheetnames) == SHEETS
    for sheet in book:
        assert f"As of {AS_OF}" in sheet["A2"].value and RUN in sheet["A2"].value
        assert (sheet.page_setup.orientation, str(sheet.page_setup.paperSize)) == ("landscape", "9")
        if sheet.title not in ("封面 Cover", "图表 Charts"):
            assert sheet.freeze_panes and sheet.auto_filter.ref


def test_every_family_with_a_headline_has_a_native_chart_on_its_sheet(home, book):
    charted = {family for family, pair in words.FAMILIES.items() if len(book[words.both(pair)]._charts) == 1}
    assert charted == {family for _, family, _, _, _, _, is_headline in CATALOGUE if is_headline}
    with zipfile.ZipFile(home / "exports" / "current" / "kpi.xlsx") as file:
        charts = [file.read(name).decode() for name in file.namelist() if name.startswith("xl/charts/")]
    assert len(charts) == 8
    assert sum("errBars" in chart for chart in charts) == 4  # the two ratios carry their intervals


def test_the_headline_is_the_overall_question_and_questions_are_said_in_words(home):
    with figures.current() as current:
        questions = [row["breakdown_label"] for row in figures.headlines(current) if row["metric_code"] == "S03"]
        shown = [row["breakdown_label"] for row in figures.by_question(current)]
    assert questions == ["物业服务"]  # the overall question
    assert set(shown) == {text for _, text in QUESTIONS}
    assert shown[0] == "=cmd|'/c calc'!A1"  # the highest share


def test_exporting_a_version_again_gives_the_same_bytes(home):
    before = {path.name: path.read_bytes() for path in (home / "exports" / "current").iterdir()}
    paths = export.export()
    assert {path.name: path.read_bytes() for path in paths} == before
    assert sorted(before) == FILES


def test_the_export_follows_a_rollback(tmp_path, monkeypatch):
    monkeypatch.setenv("GMW_HOME", str(tmp_path))
    build_toy("run-1")
    first = publication.publish("run-1")
    build_toy("run-2", more=7)
    second = publication.publish("run-2")
    for version in (second, first):
        versions.rollback(version.name)
        paths = export.export()
        assert {path.parent for path in paths} == {tmp_path / "exports" / version.name}
        assert os.readlink(tmp_path / "exports" / "current") == version.name


def test_exporting_before_anything_is_published_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("GMW_HOME", str(tmp_path))
    with pytest.raises(publication.NothingPublished, match="Publish a gated run first"):
        export.export()


def test_the_terminal_shows_every_headline_within_100_columns(home, capsys):
    headline.print_headline()
    printed = capsys.readouterr().out
    with figures.current() as current:
        for row in figures.headlines(current):
            assert words.interval(row) in printed and words.plain(row["n"]) in printed
            assert row["value_display"] is None or words.value(row) in printed
    assert "流程覆盖 process coverage 1/3 · 指标 metrics with figures 8/9" in printed
    paths = [line for line in printed.splitlines() if line.startswith("/")]
    assert [Path(path).name for path in paths] == FILES
    assert all(Path(path).is_file() for path in paths)
    assert max(cell_len(line) for line in printed.splitlines() if line not in paths) <= 100
