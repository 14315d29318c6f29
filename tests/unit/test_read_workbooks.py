"""A ledger reads the same whichever program wrote it: .xlsx, .xls and .ods, of libraries and of LibreOffice."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from tests.unit.reading import Loaded, blocked, column, source
from tests.unit.workbooks import FORMS, MADE_BY_LIBREOFFICE, Book, Error, Percent, write

pytestmark = pytest.mark.usefixtures("home")
NAME, COUNT = column("name", "活动名称"), column("people", "人数", type="integer")
every_form = pytest.mark.parametrize("form", [*FORMS, *MADE_BY_LIBREOFFICE])
own_forms = pytest.mark.parametrize("form", FORMS)


def ledger(form: str, *columns, **more):
    options = {key: more.pop(key) for key in [*more] if key not in ("skip", "layouts", "drift")}
    return source({"type": form.partition(" ")[0], **options}, *(columns or (NAME, COUNT)), **more)


@every_form
def test_a_ledger_of_a_town_reads_the_same_from_every_program(tmp_path: Path, form: str) -> None:
    book = Book(
        {
            "说明": [["请勿修改"]],
            "青禾镇": [
                ["青禾镇活动台账", None, None, None, None],
                ["填报单位：青禾镇", "（单位：万元）"],
                [],
                ["序号", "志愿者", None, "居民", None],
                [None, "人数", "时长", "人数", "满意度"],
                ["007", 5, 10.5, 40, "好"],
                [None, 6, 0.25, 41, "甲\n乙"],
                [1, 7, None, "四十", "差"],
                ["合计", 18, None, 81, None],
            ],
            "下拉": [["甲"]],
        },
        merged={"青禾镇": [(0, 0, 0, 4), (3, 0, 4, 0), (3, 1, 3, 2), (3, 3, 3, 4), (5, 0, 6, 0)]},
        hidden=("下拉",),
    )
    declared = ledger(
        form, column("entry", "序号"), column("volunteers", "志愿者/人数", type="integer"), column("hours", "时长", type="double"),
        column("residents", "居民/人数", type="integer"), column("mood", "居民/满意度"), column("unit"), column("town"),
        sheet="*镇", sheet_as="town", header_row="auto", header_rows=2, unit_note_as="unit",
        skip=[{"column": "entry", "values": ["合计"]}],
    )  # fmt: skip
    result = Loaded(declared, write(book, form, tmp_path))
    assert result.message == ""
    assert result.rows("_row_no, entry, volunteers, hours, residents, mood, unit, town") == [
        (6, "007", 5, 10.5, 40, "好", "万元", "青禾镇"),
        (7, "007", 6, 0.25, 41, "甲\n乙", "万元", "青禾镇"),
    ]
    assert result.quarantine() == [(8, "residents", "wrong_type", "integer", "四十")]
    assert (result.rows_in, result.loaded, result.quarantined, result.skipped) == (7, 2, 1, 4)


@every_form
def test_a_cell_is_the_text_that_a_person_sees_in_iso_form(tmp_path: Path, form: str) -> None:
    values = [
        30, 2.5, 0.1 + 0.2, 1e15, 1e-7, "007", "=cmd|' /c calc'!A0", Percent(0.5), datetime.date(2026, 3, 5),
        datetime.date(1900, 3, 1), datetime.datetime(2026, 3, 5, 15), datetime.time(15, 30), datetime.timedelta(hours=30), "  x  ", "甲\n乙",
    ]  # fmt: skip
    texts = [
        "30", "2.5", "0.3", "1000000000000000", "0.0000001", "007", "=cmd|' /c calc'!A0", "0.5", "2026-03-05", "1900-03-01",
        "2026-03-05 15:00:00", "15:30:00", "30:00:00", "  x  ", "甲\n乙",
    ]  # fmt: skip
    if form == "xlsx" or "LibreOffice" in form:  # openpyxl writes a text with = as a formula
        values.pop(6), texts.pop(6)
    path = write(Book({"台账": [["活动名称"], *([value] for value in values)]}), form, tmp_path)
    assert [name for (name,) in Loaded(ledger(form, NAME), path).rows("name")] == texts


@own_forms
def test_a_boolean_is_true_or_false(tmp_path: Path, form: str) -> None:
    path = write(Book({"台账": [["活动名称"], [True], [False]]}), form, tmp_path)
    assert Loaded(ledger(form, NAME), path).rows("name") == [("TRUE",), ("FALSE",)]


@pytest.mark.parametrize("form", ["xlsx", "xls", "xls by LibreOffice"])
def test_dates_counted_from_1904_are_the_same_dates(tmp_path: Path, form: str) -> None:
    path = write(Book({"台账": [["日期"], [datetime.date(2026, 3, 5)]]}, from_1904=True), form, tmp_path)
    assert Loaded(ledger(form, column("day", "日期", type="date")), path).rows("day") == [(datetime.date(2026, 3, 5),)]


@own_forms
def test_an_error_cell_stays_visible(tmp_path: Path, form: str) -> None:
    rows = [["活动名称", "人数"], ["讲座", Error("#REF!")], [Error("#N/A"), 2], ["义诊", 3], [Error("#N/A"), 4]]
    book = Book({"x": [["无关"]], "台账": rows})
    result = Loaded(ledger(form, sheet="台账"), write(book, form, tmp_path))
    assert result.rows("name, people") == [("#N/A", 2), ("义诊", 3), ("#N/A", 4)]
    assert result.quarantine() == [(2, "people", "wrong_type", "integer", "#REF!")]


def test_a_formula_counts_with_the_value_that_libreoffice_stored(tmp_path: Path) -> None:
    book = Book({"台账": [["活动名称", "人数"], ['="讲"&"座"', "=1+1"], ["义诊", "=1/0"]]})
    for form in MADE_BY_LIBREOFFICE:
        result = Loaded(ledger(form), write(book, form, tmp_path))
        assert result.rows("name, people") == [("讲座", 2)], form
        assert result.quarantine() == [(3, "people", "wrong_type", "integer", "#DIV/0!")], form


@own_forms
def test_several_sheets_are_never_taken_for_one_and_a_hidden_one_only_by_its_name(tmp_path: Path, form: str) -> None:
    rows = [["活动名称", "人数"], ["讲座", 1]]
    path = write(Book({"青禾镇": rows, "白石镇": rows, "旧": rows, "空": []}, hidden=("旧",)), form, tmp_path)
    assert "expected one sheet with rows, found 青禾镇, 白石镇" in blocked(ledger(form), path)
    assert "expected a sheet 数据, found the sheets 青禾镇, 白石镇, 旧, 空" in blocked(ledger(form, sheet="数据"), path)
    assert Loaded(ledger(form, sheet="旧"), path).rows("_row_no") == [(2,)]
    assert Loaded(ledger(form, sheet="*", skip_sheets=["白*"]), path).rows("_row_no") == [(2,)]
    assert Loaded(ledger(form, sheet="*"), path).rows("_row_no") == [(10000002,), (20000002,)]


@own_forms
def test_sheet_names_and_headers_with_quotes_and_sql_are_names(tmp_path: Path, form: str) -> None:
    name = "a'b\"; drop table x--"
    sheet = name if form != "xls" else "a\"b; drop table x--"  # xlwt takes no apostrophe
    path = write(Book({sheet: [[name, "人数"], ["'); select 1 --", 1]]}), form, tmp_path)
    declared = ledger(form, column("name", name), COUNT, column("town"), sheet_as="town", sheet="a*")
    assert Loaded(declared, path).rows("name, people") == [("'); select 1 --", 1)]


@own_forms
def test_a_workbook_is_read_in_whichever_form_it_comes(tmp_path: Path, form: str) -> None:
    path = write(Book({"台账": [["活动名称", "人数"], ["讲座", 1]]}), form, tmp_path)
    assert Loaded(ledger("workbook"), path.rename(tmp_path / "ledger.xls")).rows("name, people") == [("讲座", 1)]


@pytest.mark.parametrize(("declared", "found"), [("xls", "xlsx"), ("xlsx", "ods"), ("ods", "xls")])
def test_a_workbook_of_another_form_than_declared_is_blocked_and_named(tmp_path: Path, declared: str, found: str) -> None:
    path = write(Book({"台账": [["活动名称", "人数"], ["讲座", 1]]}), found, tmp_path)
    message = blocked(ledger(declared), path)
    assert f"expected a file of the form {declared}, found an " in message and f"{{type: {found}}}" in message


@own_forms
def test_a_sheet_that_begins_far_from_the_corner_keeps_its_places(tmp_path: Path, form: str) -> None:
    rows = [[], [], [None, None, "活动名称", "人数"], [], [None, None, "讲座", 1], [None, None, None, 2]]
    path = write(Book({"台账": rows}, merged={"台账": [(4, 2, 5, 2)]}), form, tmp_path)
    result = Loaded(ledger(form, header_row="auto"), path)
    assert result.rows("name, people, _row_no") == [("讲座", 1, 5), ("讲座", 2, 6)]
    assert (result.rows_in, result.skipped) == (5, 3)


@pytest.mark.parametrize("form", FORMS)
def test_the_data_of_each_sheet_end_by_themselves(tmp_path: Path, form: str) -> None:
    rows = [["编号", "金额"], ["a", 1], ["合计", 1], ["另附", 3], ["注", "无"]]
    path = write(Book({"东镇": rows, "西镇": [rows[0], ["b", 2], ["c", 3], *rows[2:]]}), form, tmp_path)
    declared = source(
        {"type": form, "sheet": "*"}, column("entry", "编号"), column("amount", "金额", type="integer"),
        skip=[{"column": "entry", "values": ["合计"], "below": True}],
    )  # fmt: skip
    result = Loaded(declared, path)
    assert result.rows("entry, _row_no") == [("a", 10000002), ("b", 20000002), ("c", 20000003)]
    assert (result.rows_in, result.skipped, result.quarantined) == (9, 6, 0)
