"""Excel ledgers: what a person sees in the sheet reaches raw, and every row is accounted for."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from ingest.declaration import SourceDeclaration
from ingest.readers import place_in_file
from tests.unit.reading import Loaded, blocked, column, source

pytestmark = pytest.mark.usefixtures("home")
NAME, COUNT = column("name", "活动名称"), column("people", "人数", type="integer")


def ledger(*columns, **more) -> SourceDeclaration:
    form = {"type": "xlsx", **{key: more.pop(key) for key in [*more] if key not in ("skip", "layouts", "drift")}}
    return source(form, *(columns or (NAME, COUNT)), **more)


def sheet_of(*rows: list, title: str = "台账", book: Workbook | None = None) -> Worksheet:
    book = book or Workbook()
    sheet = book.create_sheet(title)
    if "Sheet" in book.sheetnames:
        book.remove(book["Sheet"])
    for row in rows:
        sheet.append(row)
    return sheet


def saved(sheet: Worksheet, folder: Path) -> Path:
    path = folder / "ledger.xlsx"
    sheet.parent.save(path)
    return path


def test_title_and_blank_rows_above_the_header_are_skipped_and_counted(tmp_path: Path) -> None:
    sheet = sheet_of(["青禾镇活动台账"], [], ["活动名称", "人数"], ["讲座", 30], ["义诊", 12])
    result = Loaded(ledger(header_row="auto"), saved(sheet, tmp_path))
    assert (result.status, result.rows_in, result.loaded, result.skipped) == ("loaded", 4, 2, 2)
    assert result.rows("name, people, _row_no") == [("讲座", 30, 4), ("义诊", 12, 5)]


def test_a_declared_header_row_is_taken_as_it_is(tmp_path: Path) -> None:
    sheet = sheet_of(["活动名称", "人数"], ["活动名称", "人数"], ["讲座", 30])
    assert Loaded(ledger(header_row=2), saved(sheet, tmp_path)).rows("name, _row_no") == [("讲座", 3)]


def test_a_name_below_a_merged_category_is_category_and_name(tmp_path: Path) -> None:
    sheet = sheet_of(["序号", "志愿者", None, "居民", None], [None, "人数", "时长", "人数", "满意度"], [1, 5, 10.5, 40, "好"])
    for merged in ("A1:A2", "B1:C1", "D1:E1"):
        sheet.merge_cells(merged)
    declared = ledger(
        column("entry", "序号"), column("volunteers", "志愿者/人数", type="integer"), column("hours", "时长", type="double"),
        column("residents", "居民/人数", type="integer"), column("mood", "居民/满意度"), header_rows=2,
    )
    result = Loaded(declared, saved(sheet, tmp_path))
    assert result.rows("entry, volunteers, hours, residents, mood, _row_no") == [("1", 5, 10.5, 40, "好", 3)]
    assert (result.rows_in, result.message) == (1, "")


def test_a_name_that_stands_below_two_categories_is_not_taken_alone(tmp_path: Path) -> None:
    sheet = sheet_of(["活动名称", "志愿者", "居民"], [None, "人数", "人数"], ["讲座", 5, 40])
    assert "found 活动名称, 志愿者/人数, 居民/人数; missing: 人数" in blocked(ledger(header_rows=2), saved(sheet, tmp_path))


def test_a_merged_cell_has_its_value_in_every_row_and_a_blank_cell_has_none(tmp_path: Path) -> None:
    sheet = sheet_of(["活动名称", "人数"], ["讲座", 1], [None, 2], [None, 3], ["义诊", 4])
    sheet.merge_cells("A2:A3")
    result = Loaded(ledger(), saved(sheet, tmp_path))
    assert result.rows("name, people") == [("讲座", 1), ("讲座", 2), (None, 3), ("义诊", 4)]


def test_each_town_has_a_sheet_and_each_row_leads_to_it(tmp_path: Path) -> None:
    sheet = sheet_of(["活动名称", "人数"], ["讲座", 1], title="青禾镇")
    sheet_of(["请勿修改"], title="填表说明", book=sheet.parent)
    sheet_of(["某表"], ["人数", "活动名称"], [2, "义诊"], ["三", "义卖"], title="白石镇", book=sheet.parent)
    declared = ledger(NAME, COUNT, column("town"), sheet="*镇", header_row="auto", sheet_as="town")
    result = Loaded(declared, saved(sheet, tmp_path))
    assert result.rows("town, name, people, _row_no") == [("青禾镇", "讲座", 1, 10000002), ("白石镇", "义诊", 2, 30000003)]
    assert result.quarantine() == [(30000004, "people", "wrong_type", "integer in row 4 of the sheet 白石镇", "三")]


def test_sheets_that_hold_no_rows_of_the_source_are_left_out(tmp_path: Path) -> None:
    sheet = sheet_of(["活动名称", "人数"], ["讲座", 1], title="青禾镇")
    sheet_of(["名单"], title="下拉", book=sheet.parent).sheet_state = "hidden"
    sheet_of(title="Sheet3", book=sheet.parent)
    sheet_of(["合计", 9], title="汇总", book=sheet.parent)
    declared = ledger(sheet="*", skip_sheets=["汇总"])
    assert Loaded(declared, saved(sheet, tmp_path)).rows("name, _row_no") == [("讲座", 2)]


def test_a_hidden_sheet_is_read_when_it_is_named(tmp_path: Path) -> None:
    sheet = sheet_of(["说明"], title="说明")
    sheet_of(["活动名称", "人数"], ["讲座", 1], title="数据", book=sheet.parent).sheet_state = "hidden"
    assert Loaded(ledger(sheet="数据"), saved(sheet, tmp_path)).rows("name") == [("讲座",)]


def test_several_sheets_are_never_taken_for_one(tmp_path: Path) -> None:
    sheet = sheet_of(["活动名称", "人数"], ["讲座", 1], title="青禾镇")
    sheet_of(["活动名称", "人数"], ["讲座", 1], title="白石镇", book=sheet.parent)
    path = saved(sheet, tmp_path)
    assert "expected one sheet with rows, found 青禾镇, 白石镇" in blocked(ledger(), path)
    assert "expected a sheet 数据, found the sheets 青禾镇, 白石镇" in blocked(ledger(sheet="数据"), path)


def test_a_sheet_without_the_header_blocks_the_file_and_is_named(tmp_path: Path) -> None:
    sheet = sheet_of(["活动名称", "人数"], ["讲座", 1], title="青禾镇")
    sheet_of(["活动名称"], ["讲座"], title="白石镇", book=sheet.parent)
    sheet_of(["x"], title="说明", book=sheet.parent)
    path = saved(sheet, tmp_path)
    assert "in the sheet 白石镇; found 活动名称; missing: 人数" in blocked(ledger(sheet="*镇"), path)
    assert "rows in the sheet 说明, found none" in blocked(ledger(sheet="说明", header_row="auto"), path)


def test_the_unit_in_the_title_stands_in_every_row(tmp_path: Path) -> None:
    sheet = sheet_of(["经费表", None], ["填报单位：青禾镇", "（单位：万元）"], ["活动名称", "人数"], ["讲座", 1], ["义诊", 2])
    declared = ledger(NAME, column("unit"), header_row="auto", unit_note_as="unit")
    assert Loaded(declared, saved(sheet, tmp_path)).rows("name, unit") == [("讲座", "万元"), ("义诊", "万元")]


def test_a_missing_unit_blocks_the_file_unless_it_is_not_required(tmp_path: Path) -> None:
    path = saved(sheet_of(["填报单位：青禾镇"], ["活动名称", "人数"], ["讲座", 1]), tmp_path)
    declared = ledger(NAME, column("unit"), header_row="auto", unit_note_as="unit")
    assert "expected a note such as 单位：万元 above the header in the sheet 台账" in blocked(declared, path)
    declared = ledger(NAME, column("unit", required=False), header_row="auto", unit_note_as="unit")
    assert Loaded(declared, path).rows("name, unit") == [("讲座", None)]


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (30, None, "30"),
        (2.5, None, "2.5"),
        (0.1 + 0.2, None, "0.3"),
        (1e15, None, "1000000000000000"),
        (1e-7, None, "0.0000001"),
        ("007", None, "007"),
        ("甲\n乙", None, "甲\n乙"),
        (True, None, "TRUE"),
        (0.5, "0%", "0.5"),
        (datetime.date(2026, 3, 5), None, "2026-03-05"),
        (datetime.datetime(2026, 3, 5, 15), None, "2026-03-05 15:00:00"),
        (datetime.time(15, 30), None, "15:30:00"),
        (datetime.timedelta(hours=30), None, "30:00:00"),
        (46086.6249999, "yyyy-mm-dd hh:mm", "2026-03-05 15:00:00"),
        (2958465.999999, "yyyy-mm-dd", "9999-12-31 23:59:59"),
        (46086.99999999, "yyyy-mm-dd", "2026-03-06"),
        ("", None, None),
    ],
)
def test_a_cell_is_the_text_that_a_person_sees_in_iso_form(tmp_path: Path, value, number_format, text) -> None:
    sheet = sheet_of(["活动名称", "人数"], [value, 1])
    if number_format:
        sheet["A2"].number_format = number_format
    assert Loaded(ledger(), saved(sheet, tmp_path)).rows("name") == [(text,)]


def test_an_error_cell_stays_visible(tmp_path: Path) -> None:
    sheet = sheet_of(["活动名称", "人数"], ["讲座", "#REF!"], ["#N/A", 2], ["义诊", 3])
    sheet["B2"].data_type = sheet["A3"].data_type = "e"
    result = Loaded(ledger(), saved(sheet, tmp_path))
    assert result.rows("name, people") == [("#N/A", 2), ("义诊", 3)]
    assert result.quarantine() == [(2, "people", "wrong_type", "integer", "#REF!")]


def test_a_formula_counts_with_its_stored_value_and_without_one_it_stays_visible(tmp_path: Path) -> None:
    path = saved(sheet_of(["活动名称", "人数"], ["讲座", "=1+1"], ["义诊", "=2+2"]), tmp_path)
    rewrite(path, "xl/worksheets/sheet1.xml", b"<f>2+2</f><v />", b"<f>2+2</f><v>4</v>")
    result = Loaded(ledger(), path)
    assert result.rows("name, people") == [("义诊", 4)]
    assert result.quarantine() == [(2, "people", "wrong_type", "integer", "=1+1")]


def test_blank_rows_and_total_rows_are_skipped_whatever_stands_in_typed_columns(tmp_path: Path) -> None:
    sheet = sheet_of(["活动名称", "人数"], ["讲座", 1], [], [None, " "], ["小计", "共一场"], ["义诊", 2], ["合计", 3], [None, None])
    sheet.merge_cells("A7:B7")
    declared = ledger(NAME, COUNT, column("town"), sheet_as="town", skip=[{"column": "name", "values": ["小计", "合计"]}])
    result = Loaded(declared, saved(sheet, tmp_path))
    assert result.rows("name, people, _row_no") == [("讲座", 1, 2), ("义诊", 2, 6)]
    assert (result.rows_in, result.skipped, result.quarantined) == (6, 4, 0)


def test_personal_columns_are_hashed_dropped_or_masked(tmp_path: Path) -> None:
    sheet = sheet_of(["姓名", "电话", "备注", "人数"], ["张女士", 19900001234, "请回电19900001234", 1], ["李先生", 1, "x", "无"])
    declared = ledger(
        column("who", "姓名", personal="person"), column("phone", "电话", personal="drop"),
        column("note", "备注", free_text=True), COUNT,
    )
    result = Loaded(declared, saved(sheet, tmp_path))
    ((who, note),) = result.rows("who, note")
    assert (len(who), note) == (8 + 1 + 64, "请回电[phone]")
    assert "phone" not in [row[0] for row in result.connection.execute("describe raw.ledger").fetchall()]
    stored = str(result.connection.execute("from ops.quarantine").fetchall())
    assert "李先生" not in stored and "无" in stored


def test_sheets_in_two_layouts_block_the_file(tmp_path: Path) -> None:
    sheet = sheet_of(["活动名称", "人数"], ["讲座", 1], title="旧")
    sheet_of(["活动名称", "人次"], ["讲座", 1], title="新", book=sheet.parent)
    declared = ledger(NAME, column("people", "人数", "人次"), sheet="*", layouts={"old": ["人数"], "new": ["人次"]})
    assert "found old in the sheet 旧, new in the sheet 新" in blocked(declared, saved(sheet, tmp_path))


def test_columns_that_are_not_declared_are_named(tmp_path: Path) -> None:
    sheet = sheet_of(["活动名称", "人数", "备注", None], ["讲座", 1, "x", None])
    assert Loaded(ledger(), saved(sheet, tmp_path)).message == "columns not declared and not loaded: 备注"


def rewrite(path: Path, part: str, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    assert old in parts[part]
    parts[part] = parts[part].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)


def test_a_row_number_leads_to_the_sheet_and_the_row() -> None:
    assert [place_in_file(row_no) for row_no in (4, 30000004)] == ["row 4", "sheet 3, row 4"]
    assert place_in_file(30000004, "台账.xlsx") == "sheet 3, row 4"


def test_a_text_has_no_sheets_however_many_rows_it_has() -> None:
    assert place_in_file(10_000_001, "签到.csv") == "row 10000001"
    # No sheet has so many rows, or a row 0.
    assert [place_in_file(row_no) for row_no in (10_000_000, 13_000_000)] == ["row 10000000", "row 13000000"]
