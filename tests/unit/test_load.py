"""Land and load: every row accounted for, nothing twice, one faulty file harms no other."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies

from ingest import privacy, warehouse
from ingest.connectors import drop_folder
from ingest.declaration import declaration
from ingest.landing import as_of_in_name, land
from ingest.load import blocked, dry_run, load
from ingest.settings import settings
from samples.files import Sheet, write_xlsx
from tests.conftest import rows_of
from tests.unit.arriving import HEADER, ROW, issue_file


def test_landed_bytes_are_kept_unchanged_under_their_sha256(drop: Path) -> None:
    path = issue_file(drop, "诉求台账_2026-01.csv", ROW.format(1, ""))
    (file,) = land("issue_ledger")
    assert file.file_id == hashlib.sha256(path.read_bytes()).hexdigest()
    ((landed_path, as_of),) = rows_of("select landed_path, as_of::varchar from ops.file")
    kept = settings().landing / landed_path
    assert kept.read_bytes() == path.read_bytes()
    assert os.stat(kept).st_mode & 0o222 == 0
    assert as_of == "2026-01-31"


def test_the_same_file_twice_is_a_no_op_also_under_another_name(drop: Path) -> None:
    issue_file(drop, "a_2026-01.csv", ROW.format(1, ""), ROW.format(2, ""))
    land("issue_ledger")
    load("issue_ledger")
    issue_file(drop, "b_2026-01.csv", ROW.format(1, ""), ROW.format(2, ""))
    assert [file.is_new for file in land("issue_ledger")] == [False, False]
    assert load("issue_ledger") == []
    assert rows_of("select count(*) from raw.issue_ledger") == [(2,)]
    assert rows_of("select count(*) from ops.file") == [(1,)]


def test_each_row_knows_its_file_and_row(drop: Path) -> None:
    issue_file(drop, "a.csv", ROW.format(1, ""), "", ROW.format(2, ""), "QH2026-0003,too,few", ROW.format(4, ""))
    land("issue_ledger")
    (report,) = load("issue_ledger")
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined) == (4, 3, 1)
    assert rows_of("select case_no, _row_no from raw.issue_ledger order by _row_no") == [
        ("QH2026-0001", 1), ("QH2026-0002", 2), ("QH2026-0004", 4),
    ]
    assert rows_of("select row_no, reason from ops.quarantine") == [(3, "missing_columns")]


def test_a_line_break_inside_quotes_does_not_shift_row_numbers(drop: Path) -> None:
    issue_file(drop, "a.csv", ROW.format(1, "").replace("描述", '"第一行\n第二行"'), "x", ROW.format(3, ""))
    land("issue_ledger")
    load("issue_ledger")
    assert rows_of("select case_no, _row_no from raw.issue_ledger order by 2") == [("QH2026-0001", 1), ("QH2026-0003", 3)]
    assert rows_of("select row_no from ops.quarantine") == [(2,)]


def test_blank_rows_and_total_rows_are_skipped_and_counted(drop: Path) -> None:
    header = ["收据号", "日期", "姓名", "捐赠方类型", "金额", "社区", "基金名称", "用途"]
    gift = ["A1", "2026-01-10", "张女士", "居民", 50, "和畅社区", "基金", "助老"]
    rows = [["单位：元"], header, gift, [], ["合计", "", "", "", 50]]
    write_xlsx(drop / "donation_list" / "捐赠公示_2026-03.xlsx", [Sheet("公示", rows)])
    land("donation_list")
    (report,) = load("donation_list")
    assert (report.rows_in, report.rows_loaded, report.rows_skipped) == (4, 1, 3)


def test_names_and_phones_never_reach_the_warehouse(drop: Path) -> None:
    issue_file(
        drop, "a.csv", ROW.format(1, "请回电19900001234谢谢"), "QH2026-0002,张女士,19900001234", ROW.format(3, "IP 10.1.2.3")
    )
    land("issue_ledger")
    load("issue_ledger")
    with warehouse.reader() as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where not temporary"
        ).fetchall()
        everything = "".join(str(connection.execute(f"from {table}").fetchall()) for (table,) in tables)
    assert "张女士" not in everything
    assert "19900001234" not in everything
    assert "10.1.2.3" not in everything
    assert "请回电[phone]谢谢" in everything


def test_a_person_key_is_the_hmac_sha256_of_the_identifier(drop: Path) -> None:
    issue_file(drop, "a.csv", ROW.format(1, ""))
    land("issue_ledger")
    load("issue_ledger")
    secret = os.environ["GMW_PERSON_KEY_SECRET"].encode()
    expected = hmac.new(secret, "person:张女士".encode(), hashlib.sha256).hexdigest()
    assert rows_of("select raised_by from raw.issue_ledger") == [(f"{privacy.key_version()}:{expected}",)]


@pytest.mark.parametrize(
    "words",
    ["139-1234-5678", "+86 13912345678", "8613912345678", "１３９１２３４５６７８", "13912345678,13912345678", "203.0.113.15.",
     "110105194912310022", "11010519491231002X"],
)
def test_numbers_that_name_a_person_are_masked_in_free_text(home: Path, words: str) -> None:
    connection = warehouse.in_memory()
    privacy.install(connection)
    (masked,) = connection.execute("select mask_personal('请联系' || ? || '谢谢')", [words]).fetchone()
    assert not re.search(r"\d{4}|113\.15", masked), masked
    assert masked.startswith("请联系[") and masked.endswith("谢谢")


@pytest.mark.parametrize("words", ["金额1200.50元", "QH2026-0001", "共139件", "2026-03-05 14:30", "138.5平方米"])
def test_other_numbers_are_left_in_free_text(home: Path, words: str) -> None:
    connection = warehouse.in_memory()
    privacy.install(connection)
    assert connection.execute("select mask_personal(?)", [words]).fetchone() == (words,)


@pytest.mark.parametrize("spelling", ["张女士", " 张女士 ", "张女士\u3000", "张\u00a0女士"])
def test_spaces_of_every_kind_do_not_make_another_person(home: Path, spelling: str) -> None:
    connection = warehouse.in_memory()
    privacy.install(connection)
    assert connection.execute("select person_key('person', ?) = person_key('person', '张女士')", [spelling]).fetchone() == (True,)


def test_without_a_secret_personal_data_is_not_loaded(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    issue_file(drop, "a.csv", ROW.format(1, ""))
    land("issue_ledger")
    monkeypatch.delenv("GMW_PERSON_KEY_SECRET")
    with pytest.raises(RuntimeError, match="GMW_PERSON_KEY_SECRET: expected at least 32 characters"):
        load("issue_ledger")


def test_a_missing_column_blocks_the_file_and_names_expected_and_found(drop: Path) -> None:
    issue_file(drop, "good.csv", ROW.format(1, ""))
    issue_file(drop, "bad.csv", "1,2", header="编号,收集时间")
    land("issue_ledger")
    by_name = {report.file_name: report for report in load("issue_ledger")}
    assert by_name["good.csv"].status == "loaded"
    assert by_name["bad.csv"].status == "blocked"
    assert "expected the columns 编号, 收集时间, 社区" in by_name["bad.csv"].message
    assert "found 编号, 收集时间; missing: 社区" in by_name["bad.csv"].message
    assert [report.file_name for report in blocked("issue_ledger")] == ["bad.csv"]


def test_a_file_of_another_source_is_blocked_and_its_source_is_named(drop: Path) -> None:
    issue_file(drop, "a.csv", "A1,2026-01-10,x,居民,50,和畅社区,基金,助老", header="收据号,日期,姓名,捐赠方类型,金额,社区,基金名称,用途")
    land("issue_ledger")
    (report,) = load("issue_ledger")
    assert report.status == "blocked"
    assert "this looks like a file of the source donation_list" in report.message


def test_a_file_without_bytes_is_blocked(drop: Path) -> None:
    issue_file(drop, "empty.csv").write_bytes(b"")
    land("issue_ledger")
    (report,) = load("issue_ledger")
    assert report.status == "blocked"
    assert "empty file (0 bytes)" in report.message


def test_text_in_another_encoding_is_read_and_noted_not_garbled(drop: Path) -> None:
    issue_file(drop, "gbk.csv", ROW.format(1, ""), encoding="gb18030")
    land("issue_ledger")
    (report,) = load("issue_ledger")
    assert (report.status, report.rows_loaded) == ("loaded", 1)
    assert "encoding found, another than declared: gb18030" in report.message
    assert rows_of("select community, encoding from raw.issue_ledger join ops.batch on _batch_id = batch_id") == [
        ("和畅社区", "gb18030")
    ]


def test_a_taken_away_file_is_no_longer_reported_as_blocked(drop: Path) -> None:
    path = issue_file(drop, "bad.csv", "1", header="编号")
    land("issue_ledger")
    load("issue_ledger")
    assert len(blocked("issue_ledger")) == 1
    path.unlink()
    land("issue_ledger")
    assert load("issue_ledger") == []
    assert blocked("issue_ledger") == []


def test_a_file_corrected_under_its_name_is_no_longer_reported_as_blocked(drop: Path) -> None:
    issue_file(drop, "诉求台账_2026-01.csv", "1", header="编号")
    land("issue_ledger")
    load("issue_ledger")
    issue_file(drop, "诉求台账_2026-01.csv", ROW.format(1, ""))
    land("issue_ledger")
    assert [report.status for report in load("issue_ledger")] == ["loaded"]
    assert blocked("issue_ledger") == []
    issue_file(drop, "again.csv", "1", header="编号")
    land("issue_ledger")
    load("issue_ledger")
    assert [report.status for report in blocked("issue_ledger")] == ["blocked"]


def test_a_blocked_file_tried_again_keeps_its_batch(drop: Path) -> None:
    issue_file(drop, "bad.csv", "1", header="编号")
    land("issue_ledger")
    first, second = load("issue_ledger"), load("issue_ledger")
    assert [report.batch_id for report in first] == [report.batch_id for report in second]
    assert rows_of("select count(*) from ops.batch") == [(1,)]


def test_files_that_no_source_takes_are_named(drop: Path) -> None:
    issue_file(drop, "诉求台账_2026-01.csv", ROW.format(1, ""))
    for name in ("issue_ledger/诉求台账_2026-02.xlsx", "README.txt", "issue_ledger/~$诉求台账.csv", ".hidden"):
        (drop / name).write_text("x", encoding="utf-8")
    assert [path.name for path in drop_folder.unclaimed()] == ["README.txt", "诉求台账_2026-02.xlsx"]
    assert [file.file_name for file in land("issue_ledger")] == ["诉求台账_2026-01.csv"]


def test_a_link_out_of_the_drop_folder_is_not_followed(drop: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("x", encoding="utf-8")
    (drop / "issue_ledger").mkdir()
    (drop / "issue_ledger" / "link.csv").symlink_to(secret)
    (refused,) = land("issue_ledger")
    assert "a link that leads out" in refused.problem
    assert not [path for path in settings().landing.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "expected"), [("台账_2026-02.csv", "2026-02-28"), ("台账_2024-02.csv", "2024-02-29"), ("台账.csv", "None")]
)
def test_the_as_of_date_comes_from_the_file_name(name: str, expected: str) -> None:
    assert str(as_of_in_name(declaration("issue_ledger"), name)) == expected


cell = strategies.text(alphabet='ab,"\n 1é社', max_size=6)


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=strategies.lists(strategies.lists(cell, min_size=1, max_size=15), min_size=1, max_size=12))
def test_rows_in_are_loaded_quarantined_or_skipped_whatever_arrives(drop: Path, records: list[list[str]]) -> None:
    import csv

    path = drop / "issue_ledger" / "fuzz.csv"
    path.parent.mkdir(exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER.split(","), *records])
    with open(path, encoding="utf-8", newline="") as file:
        in_file = sum(1 for record in csv.reader(file) if record) - 1
    report, _ = dry_run("issue_ledger", path)
    if report.status == "loaded":
        assert report.rows_in == report.rows_loaded + report.rows_quarantined + report.rows_skipped == in_file
    else:
        assert report.message


def test_a_date_that_does_not_fit_its_declared_format_is_quarantined(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GMW_DBT_VARS", "{example_sources: true}")
    monkeypatch.setenv("GMW_EXAMPLES_FOLDER", str(home.parent))
    source = declaration("la311")
    headers = [*(column.headers[0] for column in source.columns), *source.layouts["extract_2020"].headers]
    folder = home.parent / "la311"
    folder.mkdir()

    def row(number: int, created: str) -> str:
        values = {"SRNumber": f"1-{number}", "CreatedDate": created, "Status": "Open", "RequestType": "Bulky Items"}
        return ",".join(values.get(header, "") for header in headers)

    path = folder / "requests.csv"
    path.write_text(
        "\n".join([",".join(headers), row(1, "12/31/2017 11:59:58 PM"), row(2, "2/30/20 0:05"), row(3, "1/1/20 0:05")]) + "\n",
        encoding="utf-8",
    )
    report, quarantined = dry_run("la311", path)
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined) == (3, 2, 1), report
    (found,) = quarantined
    assert (found["row_no"], found["column_name"], found["raw_value"]) == (2, "created_at", "2/30/20 0:05")
    assert "%m/%d/%y %H:%M" in found["expected"]


def test_a_quarantined_row_is_kept_without_its_personal_columns(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GMW_DBT_VARS", "{example_sources: true}")
    monkeypatch.setenv("GMW_EXAMPLES_FOLDER", str(home.parent))
    source = declaration("arts_council_wales")
    values = {"Recipient Org:Name": "Invented Artist", "Amount Awarded": "much", "Type": "Training"}
    headers = [column.headers[0] for column in source.columns]
    folder = home.parent / "uk_grants_360"
    folder.mkdir()
    (folder / "Arts-Council-of-Wales.csv").write_text(
        ",".join(headers) + "\n" + ",".join(values.get(header, "") for header in headers) + "\n", encoding="utf-8"
    )
    land("arts_council_wales")
    load("arts_council_wales")
    ((column_name, raw_value, raw_text),) = rows_of("select column_name, raw_value, raw_text from ops.quarantine")
    assert (column_name, raw_value) == ("amount", "much")
    assert "Training" in raw_text
    assert "Invented Artist" not in raw_text
