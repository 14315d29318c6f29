"""Ledgers saved as CSV: titles, units and two-row headers above the rows, as in the workbooks they come from."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ingest.declaration import Delivery, SourceDeclaration
from tests.unit.reading import Loaded, blocked, column, source

pytestmark = pytest.mark.usefixtures("home")


def ledger(*columns, **form) -> SourceDeclaration:
    default = (column("name", "活动名称"), column("amount", "金额（元）", "金额", type="decimal(18,2)"))
    return source({"type": "csv", **form}, *(columns or default))


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "ledger.csv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_title_rows_are_skipped_and_counted_and_tell_the_unit(tmp_path: Path, encoding: str) -> None:
    text = '青禾镇经费表,,\n\n"填报单位：青禾镇\n（盖章）",单位：万元,\n活动名称,金额,备注\n讲座,1.5,x\n\n义诊,二,y\n"义\n卖",3\n义卖,4,z\n'
    declared = ledger(
        column("name", "活动名称"), column("amount", "金额", type="double"), column("note", "备注"), column("unit"),
        header_row="auto", unit_note_as="unit", encoding=encoding,
    )
    result = Loaded(declared, written(tmp_path, text, encoding))
    assert (result.rows_in, result.loaded, result.quarantined, result.skipped) == (6, 2, 2, 2)
    assert result.rows("name, amount, note, unit, _row_no") == [("讲座", 1.5, "x", "万元", 1), ("义卖", 4.0, "z", "万元", 4)]
    assert [row[:3] for row in result.quarantine()] == [(2, "amount", "wrong_type"), (3, None, "missing_columns")]


def test_a_byte_order_mark_before_the_title_is_taken_off(tmp_path: Path) -> None:
    path = written(tmp_path, "标题\n活动名称,金额\n讲座,1\n", "utf-8-sig")
    assert Loaded(ledger(header_row="auto"), path).rows("name, _row_no") == [("讲座", 1)]


def test_a_declared_header_row_counts_blank_lines(tmp_path: Path) -> None:
    path = written(tmp_path, "标题\n\n活动名称,金额\n讲座,1\n")
    result = Loaded(ledger(header_row=3), path)
    assert (result.rows("name, amount::double"), result.rows_in, result.skipped) == ([("讲座", 1.0)], 2, 1)


def test_a_category_stands_above_the_columns_to_its_right(tmp_path: Path) -> None:
    declared = ledger(
        column("name", "活动名称"), column("volunteers", "志愿者/人数", type="integer"), column("hours", "时长"),
        column("residents", "居民/人数", type="integer"), header_row="auto", header_rows=2,
    )
    path = written(tmp_path, "标题,,,\n活动名称,志愿者,,居民\n,人数,时长,人数\n讲座,5,2,40\n义诊,x,1,30\n")
    result = Loaded(declared, path)
    assert result.rows("name, volunteers, hours, residents, _row_no") == [("讲座", 5, "2", 40, 1)]
    assert [row[:2] for row in result.quarantine()] == [(2, "volunteers")]


def test_a_file_without_the_header_is_blocked(tmp_path: Path) -> None:
    path = written(tmp_path, "标题\n\nx,y\n讲座,1\n")
    assert "expected a row with the columns 活动名称, 金额（元） among the first 50 rows, found none" in blocked(
        ledger(header_row="auto"), path
    )
    assert "expected the header in row 9, found 4 rows" in blocked(ledger(header_row=9), path)


def test_a_file_that_ends_with_its_header_is_refused_only_where_it_would_replace_rows(tmp_path: Path) -> None:
    declared, path = ledger(header_row="auto"), written(tmp_path, "标题\n活动名称,金额\n")
    assert (Loaded(declared, path).status, Loaded(declared, path).rows("*")) == ("loaded", [])
    snapshot = declared.model_copy(update={"delivery": Delivery(mode="snapshot")})
    assert "expected at least one row" in blocked(snapshot, path)


def test_headers_and_values_with_quotes_and_sql_are_names_and_texts(tmp_path: Path) -> None:
    name, value = "a'b\"; drop table ops.batch--", "'); drop table raw.ledger; --"
    path = tmp_path / "ledger.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[name, "x' or 1=1 --"], [value, "1"]])
    result = Loaded(source({"type": "csv"}, column("name", name), column("people", "x' or 1=1 --", type="integer")), path)
    assert result.rows("name, people") == [(value, 1)]
    assert result.connection.execute("select count(*) from ops.batch").fetchone() == (1,)


def test_a_time_in_another_zone_is_told_by_the_clock_of_the_source(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    times = ["2026-01-01T02:00:00Z", "2026-01-01 10:00:00+08:00", "2026-01-01 10:00:00", "2026-01-01 10:00", "三月"]
    path.write_text("\n".join(["at", *times]) + "\n", encoding="utf-8")
    loaded = Loaded(source({"type": "csv"}, column("told_at", "at", type="timestamp")), path)
    assert loaded.rows("told_at::varchar") == [("2026-01-01 10:00:00",)] * 4
    assert loaded.quarantine() == [(5, "told_at", "wrong_type", "timestamp", "三月")]
