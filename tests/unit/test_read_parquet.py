"""Parquet files: every value arrives as it is written, typed columns fit or go to quarantine, and other files are refused."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.declaration import Delivery, SourceDeclaration
from ingest.readers import parquet
from tests.unit.reading import Loaded, blocked, column, source

pytestmark = pytest.mark.usefixtures("home")
AFTERNOON = datetime.datetime(2026, 3, 5, 7, 0)
CASE, OPENED = column("case_no", "工单号", type="integer"), column("opened_at", "受理时间", type="timestamp")


def export(*columns, **more) -> SourceDeclaration:
    return source({"type": "parquet"}, *(columns or (CASE, OPENED)), **more)


def written(folder: Path, content: dict[str, pa.Array], **more) -> Path:
    path = folder / "export.parquet"
    pq.write_table(pa.table(content), path, **more)
    return path


def text_of(folder: Path, values: pa.Array) -> list[str | None]:
    """The texts of a column of `varchar`; the rows are numbered, because a blank one would be skipped."""
    path = written(folder, {"value": values, "number": pa.array(range(len(values)))})
    return [text for (text,) in Loaded(export(column("value"), column("number")), path).rows("value")]


def test_rows_are_numbered_by_their_place_in_the_file(tmp_path: Path) -> None:
    numbers = pa.array(range(5000))
    path = written(tmp_path, {"工单号": numbers, "受理时间": pa.array([AFTERNOON] * 5000)}, row_group_size=700)
    result = Loaded(export(), path)
    assert (result.status, result.rows_in, result.loaded, result.message) == ("loaded", 5000, 5000, "")
    assert result.rows("case_no, _row_no") == [(number, number + 1) for number in range(5000)]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array(["张女士", "", None]), ["张女士", "", None]),
        (pa.array([True, False]), ["TRUE", "FALSE"]),
        (pa.array([datetime.date(2026, 3, 5)]), ["2026-03-05"]),
        (pa.array([AFTERNOON, AFTERNOON.replace(microsecond=1200)]), ["2026-03-05 07:00:00", "2026-03-05 07:00:00.0012"]),
        (pa.array([AFTERNOON], pa.timestamp("ns")), ["2026-03-05 07:00:00"]),
        (pa.array([AFTERNOON], pa.timestamp("us", "UTC")), ["2026-03-05 15:00:00+08:00"]),
        (pa.array([AFTERNOON], pa.timestamp("ns", "Europe/London")), ["2026-03-05 15:00:00+08:00"]),
        (pa.array([datetime.time(15, 0)]), ["15:00:00"]),
        (pa.array([Decimal("1200.00"), Decimal("-0.01")], pa.decimal128(38, 2)), ["1200.00", "-0.01"]),
        (pa.array([Decimal("9" * 36 + ".99")], pa.decimal128(38, 2)), ["9" * 36 + ".99"]),
        (pa.array([38.0, 0.1, -2.5, 1e20]), ["38", "0.1", "-2.5", "1e+20"]),
        (pa.array([0.1, 38.0], pa.float32()), ["0.1", "38"]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array(["投诉", "咨询", "投诉"]).dictionary_encode(), ["投诉", "咨询", "投诉"]),
        (pa.array([["停车", "噪声"], [], None]), ["停车┋噪声", "", None]),
        (pa.array([{"a": 1, "b": "张"}, None]), ['{"a":1,"b":"张"}', None]),
        (pa.array([[{"at": "2026"}], []]), ['[{"at":"2026"}]', "[]"]),
        (pa.array([[["a"], ["b"]]]), ['[["a"],["b"]]']),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), ['{"k":1}']),
        (pa.array(["张".encode(), None], pa.binary()), ["张", None]),
        (pa.array([b"\xff\x00", b"ab"], pa.binary()), ["FF00", "6162"]),
    ],
)
def test_a_column_of_text_takes_every_type_in_iso_form(tmp_path: Path, values: pa.Array, texts: list) -> None:
    assert text_of(tmp_path, values) == texts


@pytest.mark.parametrize(("month", "text"), [(1, "2026-01-05 07:00:00+00:00"), (7, "2026-07-05 08:00:00+01:00")])
def test_a_point_in_time_is_told_by_the_clock_of_the_source(tmp_path: Path, month: int, text: str) -> None:
    declared = export(column("text", "at"), column("opened_at", "opened", type="timestamp"), column("day", type="date"))
    declared = declared.model_copy(update={"time_zone": "Europe/London"})
    instant = pa.array([AFTERNOON.replace(month=month)], pa.timestamp("us", "UTC"))
    result = Loaded(declared, written(tmp_path, {"at": instant, "opened": instant, "day": instant}))
    assert result.rows("text, opened_at::varchar, day::varchar") == [(text, text[:19], text[:10])]


def test_west_of_greenwich_the_clock_is_behind(tmp_path: Path) -> None:
    declared = export(column("value")).model_copy(update={"time_zone": "America/St_Johns"})
    path = written(tmp_path, {"value": pa.array([AFTERNOON], pa.timestamp("us", "UTC"))})
    assert Loaded(declared, path).rows("value") == [("2026-03-05 03:30:00-03:30",)]


def test_typed_columns_are_cast_and_what_does_not_fit_is_quarantined(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        {"工单号": pa.array(["1", "二", None, "4"]), "受理时间": pa.array(["2026-03-05 15:00:00", "2026-03-05", "2026-03-06", "昨天"])},
    )
    result = Loaded(export(), path)
    assert result.rows("case_no, opened_at::varchar, _row_no") == [
        (1, "2026-03-05 15:00:00", 1), (None, "2026-03-06 00:00:00", 3),
    ]
    assert result.quarantine() == [
        (2, "case_no", "wrong_type", "integer", "二"), (4, "opened_at", "wrong_type", "timestamp", "昨天"),
    ]


def test_money_keeps_its_last_digit(tmp_path: Path) -> None:
    declared = export(column("amount", type="decimal(38,2)"))
    path = written(tmp_path, {"amount": pa.array([Decimal("123456789012345678901234567890.12")], pa.decimal128(38, 2))})
    assert Loaded(declared, path).rows("amount") == [(Decimal("123456789012345678901234567890.12"),)]


def test_more_digits_than_can_be_kept_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, {"amount": pa.array([Decimal("1.00")], pa.decimal256(50, 2)), "n": pa.array([1])})
    assert "expected decimals of at most 38 digits, found amount (50 digits)" in blocked(export(column("amount")), path)
    assert Loaded(export(column("n")), path).loaded == 1


def test_headers_are_compared_as_in_every_other_format(tmp_path: Path) -> None:
    path = written(tmp_path, {" 工单号 ": pa.array([7]), "备注": pa.array(["x"])})
    result = Loaded(export(CASE, column("note", "说明", required=False)), path)
    assert result.rows("case_no, note") == [(7, None)]
    assert result.message == "columns not declared and not loaded: 备注"


def test_a_missing_column_blocks_and_is_named(tmp_path: Path) -> None:
    message = blocked(export(), written(tmp_path, {"工单号": pa.array([7])}))
    assert "expected the columns 工单号, 受理时间; found 工单号; missing: 受理时间" in message


def test_names_that_differ_only_in_case_are_one_header_twice(tmp_path: Path) -> None:
    path = written(tmp_path, {"ID": pa.array([1]), "id": pa.array([2]), "other": pa.array([{"id": 1}])})
    assert "expected each header once, found more than one of: id" in blocked(export(column("case_no", "id")), path)


def test_columns_behind_nested_ones_are_found_in_their_place(tmp_path: Path) -> None:
    inner = pa.struct([("b", pa.list_(pa.int64()))])
    outer = pa.struct([("a", inner), ("m", pa.map_(pa.string(), pa.int64()))])
    nested = pa.array([{"a": {"b": [1]}, "m": [("k", 1)]}], outer)
    path = written(tmp_path, {"before": pa.array(["1"]), "nested": nested, "after": pa.array(["2"])})
    assert Loaded(export(column("before"), column("nested"), column("after")), path).rows("before, nested, after") == [
        ("1", '{"a":{"b":[1]},"m":{"k":1}}', "2")
    ]


def test_persons_are_hashed_and_dropped_columns_are_not_stored(tmp_path: Path) -> None:
    declared = export(column("person", personal="person"), column("phone", personal="drop"), column("note", free_text=True))
    path = written(
        tmp_path, {"person": pa.array([13800000000]), "phone": pa.array(["13800000000"]), "note": pa.array(["打 13800000000"])}
    )
    result = Loaded(declared, path)
    assert result.rows("note") == [("打 [phone]",)]
    assert "13800000000" not in str(result.rows("*"))


def test_a_blank_row_is_skipped_and_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    empty = written(tmp_path, {"工单号": pa.array([], pa.int64()), "受理时间": pa.array([], pa.timestamp("us"))})
    assert "expected at least one row" in blocked(export().model_copy(update={"delivery": Delivery(mode="snapshot")}), empty)
    one = written(tmp_path, {"工单号": pa.array([None, 1], pa.int64()), "受理时间": pa.array([None, AFTERNOON])})
    result = Loaded(export(), one)
    assert (result.rows_in, result.loaded, result.skipped) == (2, 1, 1)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, kept: float) -> None:
    path = written(tmp_path, {"工单号": pa.array(range(1000)), "受理时间": pa.array([AFTERNOON] * 1000)})
    content = path.read_bytes()
    path.write_bytes(content[: max(8, int(len(content) * kept))])
    assert "expected a whole Parquet file, found one that is cut off" in blocked(export(), path)


@pytest.mark.parametrize("content", ["工单号,受理时间\n1,2026-03-05\n".encode(), b"PK\x03\x04 a workbook", b"\x00", b"PAR"])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "export.parquet"
    path.write_bytes(content)
    assert "expected a Parquet file, found another kind of file" in blocked(export(), path)


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.parquet"
    path.write_bytes(b"PARE" + b"\0" * 100 + b"PARE")
    assert "expected a Parquet file, found an encrypted one" in blocked(export(), path)


def test_a_damaged_file_is_refused_without_the_place_where_it_landed(tmp_path: Path) -> None:
    path = written(tmp_path, {"工单号": pa.array(range(1000)), "受理时间": pa.array([AFTERNOON] * 1000)})
    content = bytearray(path.read_bytes())
    content[-8:-4] = b"\xff" * 4
    path.write_bytes(content)
    message = blocked(export(), path)
    assert "expected a Parquet file that can be read" in message
    assert str(tmp_path) not in message


def test_more_rows_than_a_file_may_have_are_refused_before_they_are_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(parquet, "MAX_ROWS", 9)
    path = written(tmp_path, {"工单号": pa.array(range(10)), "受理时间": pa.array([AFTERNOON] * 10)})
    assert "expected at most 9 rows in a file, found 10; split the file" in blocked(export(), path)


def test_the_folder_of_a_file_is_neither_pattern_nor_value(tmp_path: Path) -> None:
    folder = tmp_path / "工单号=2026" / "[a]*'"
    folder.mkdir(parents=True)
    path = written(folder, {"工单号": pa.array([7]), "受理时间": pa.array([AFTERNOON])})
    assert Loaded(export(), path).rows("case_no") == [(7,)]
