"""What `gmw source add` sees in a file: layout, types, keys, deliveries, records, and the columns about people."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter
import yaml

from ingest.declaration import known_declarations, read_declaration
from ingest.scaffold import fixtures
from ingest.scaffold.layout import NotSniffed, encoding_of, sniff
from ingest.scaffold.models import staging
from ingest.scaffold.personal import is_id_number, is_person_name
from ingest.scaffold.propose import Proposal, RecordNeeded, propose
from ingest.scaffold.records import ASSUMED
from ingest.scaffold.write import declaration_text
from ingest.settings import settings
from tests.conftest import Sample
from tests.unit.reading import Loaded

ID_NUMBER = "11010519491231002X"
NAMES = ["王小明", "李娜", "张伟强", "刘洋", "陈静", "杨帆", "欧阳修文", "赵敏", "周杰", "吴刚"]


DECLARED = known_declarations()


def proposed(path: Path, **said) -> Proposal:
    """The proposal for a file, by the terms of the declared sources."""
    return propose("new_source", path, DECLARED, **{"chosen": ["case"], **said})


def table(path: Path, rows: list[list[object]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def one_column(path: Path, header: str, values: list[object]):
    """The proposed column of a file that has this one and a number."""
    return proposed(table(path / "file.csv", [["no", header], *([i, value] for i, value in enumerate(values))])).columns[1]


# --- layout ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "text", "expected"),
    [
        ("utf-8", "社区,金额\n甲,1\n", "utf-8"),
        ("utf-8-sig", "社区,金额\n甲,1\n", "utf-8"),
        ("utf-16", "社区,金额\n甲,1\n", "utf-16"),
        ("gb18030", "社区,金额,经办\n和畅社区,100,居委会\n", "gb18030"),
        ("utf-32", "社区,金额\n甲,1\n", "utf-32"),
        ("cp1252", "Gemeinde;Zürich\nGenève;Delémont\n", "cp1252"),
        ("ascii", "a,b\n1,2\n", "utf-8"),
    ],
)
def test_the_encoding_is_told_by_the_bytes(encoding: str, text: str, expected: str) -> None:
    assert encoding_of(text.encode(encoding))[0] == expected


def test_a_character_cut_off_at_the_end_of_what_is_looked_at_is_no_fault() -> None:
    assert encoding_of("社区".encode()[:-1])[0] == "utf-8"


def test_damaged_text_below_a_byte_order_mark_is_looked_at_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_bytes("\ufeffa,b\n1,".encode() + b"\xff\n")
    assert sniff(tmp_path / "file.csv").headers == ["a", "b"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_gives_equal_rows(tmp_path: Path, delimiter: str) -> None:
    rows = [["name", "note, with a comma", "x"], *([f"n{i}", "a, b; c" * (i % 3), "1"] for i in range(20))]
    found = sniff(table(tmp_path / "file.csv", rows, delimiter))
    assert found.format.get("delimiter", ",") == delimiter
    assert found.headers == ["name", "note, with a comma", "x"]


def test_the_header_is_found_below_a_title_and_a_unit(tmp_path: Path) -> None:
    rows = [["某某区台账", "", ""], ["单位：万元", "", ""], ["编号", "社区", "金额"], ["A1", "甲", "1.5"], ["A2", "乙", "2"]]
    found = sniff(table(tmp_path / "file.csv", rows))
    assert found.headers == ["编号", "社区", "金额"]
    assert (found.format["header_row"], found.format["unit_note_as"]) == ("auto", "amount_unit")


def test_a_title_that_is_merged_over_most_columns_is_no_header(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "file.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 0, 2, "3月台账")
        for number, row in enumerate([["no", "name", "team", "note"], ["a", "b", "c", "d"]], start=1):
            sheet.write_row(number, 0, row)
    assert sniff(tmp_path / "file.xlsx").headers == ["no", "name", "team", "note"]


def test_rows_without_a_header_are_proposed_so_with_names_to_give(tmp_path: Path) -> None:
    found = proposed(table(tmp_path / "file.csv", [["甲", 3, "2026-03-01"], ["乙", 4, "2026-03-02"], ["丙", 5, "2026-03-03"]]))
    assert found.layout.format == {"type": "csv", "header_row": "none"}
    assert [(column.name, column.type) for column in found.columns] == [
        ("column_1", "varchar"), ("column_2", "integer"), ("column_3", "date")
    ]  # fmt: skip
    assert (found.rows, found.rejected) == (3, [])
    assert "the file has no header: give the columns names, in the order of the file" in found.review


def test_a_file_without_a_header_whose_rows_differ_in_width_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotSniffed, match="expected a row of column names among the first 20.*add a header row"):
        sniff(table(tmp_path / "file.csv", [[0, 3, 3], [1, 4], [0, 5, 5]]))


def test_lines_that_stand_in_quotes_as_a_whole_are_seen(tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_text('"no;name;note"\n"1;甲;""a;b"""\n"2;乙;c"\n', encoding="utf-8")
    found = proposed(tmp_path / "file.csv")
    assert found.layout.format == {"type": "csv", "delimiter": ";", "wrapped_lines": True}
    assert (found.layout.headers, found.rows, found.rejected) == (["no", "name", "note"], 2, [])
    (tmp_path / "plain.csv").write_text('"no","name"\n"1","a;b"\n', encoding="utf-8")
    assert sniff(tmp_path / "plain.csv").format == {"type": "csv"}
    (tmp_path / "one.csv").write_text('"name"\n"甲"\n', encoding="utf-8")
    assert "wrapped_lines" not in sniff(tmp_path / "one.csv").format


@pytest.mark.parametrize(
    ("content", "quote"),
    [
        ("no,name,size\n1,'a, b',3\n2,'c, d',4\n3,'e',5\n", "'"),
        ('no,name,size\n1,5" pipe,3\n2,"quoted,4\n3,c,5\n', "none"),
        ("no,name,size\n1,O'Hara,3\n2,d'Or,4\n", None),
        ('no,name,size\n1,"a, b",3\n2,"c\nd",4\n', None),
    ],
)
def test_a_quote_that_is_another_or_none_is_seen(tmp_path: Path, content: str, quote: str | None) -> None:
    (tmp_path / "file.csv").write_text(content, encoding="utf-8")
    found = proposed(tmp_path / "file.csv")
    assert (found.layout.format.get("quote"), found.rejected) == (quote, [])
    assert found.rows == content.count("\n") - 1 - ("c\nd" in content)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["12,5", "3,75", "100"], ("decimal(18,2)", ",", None)),
        (["1.234,50", "99,00"], ("decimal(18,2)", ",", ".")),
        (["1,234.50", "99.00"], ("decimal(18,2)", ".", ",")),
        (["1,234,567", "12"], ("bigint", ".", ",")),
        (["1.234.567", "12"], ("bigint", ",", ".")),
        (["1'234", "12"], ("bigint", ".", "'")),
        (["1 234,5", "12"], ("decimal(18,2)", ",", " ")),
        (["1,234", "2,000"], ("varchar", ".", None)),
        (["12,5", "3.75"], ("varchar", ".", None)),
    ],
)
def test_the_marks_in_numbers_are_seen_unless_they_can_be_read_in_two_ways(
    tmp_path: Path, values: list[str], expected: tuple
) -> None:
    column = one_column(tmp_path, "amount", values)
    assert (column.type, column.decimal, column.thousands) == expected
    assert {"decimal": column.entry.get("decimal", "."), "thousands": column.entry.get("thousands")} == {
        "decimal": expected[1], "thousands": expected[2]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found an empty file"),
        (b"%PDF-1.7 binary", "found a PDF document"),
        (b"PAR1\0\0PAR1", "expected a Parquet file that can be read"),
        (b"a,b\n1,2\n\0\0\0\0", "bytes that are no text"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "found an HTML page; open it in a spreadsheet program"),
        (b'[{"a": 1}, {"a"', "expected JSON"),
        (b"[1, 2, 3]", "expected a list of records"),
        (b"name,Name\n1,2\n", "expected each header once"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(NotSniffed, match=message):
        sniff(tmp_path / "file")


def test_json_records_are_found_at_their_path_and_lists_inside_are_told(tmp_path: Path) -> None:
    cases = [{"no": f"C{i}", "by": {"id": i}, "events": [{"at": "2026-01-01"}] if i else []} for i in range(3)]
    (tmp_path / "file.json").write_text(json.dumps({"code": 0, "data": {"list": cases}}), encoding="utf-8")
    found = sniff(tmp_path / "file.json")
    assert found.format == {"type": "json", "records": "data.list[]"}
    assert found.headers == ["no", "by.id"]
    assert "data.list[].events[]: 2 records inside the records" in found.elsewhere[0]


def test_documents_one_per_line_are_json_lines(tmp_path: Path) -> None:
    (tmp_path / "file").write_text('{"a": 1}\n{"a": 2, "b": "x"}\n', encoding="utf-8")
    assert (sniff(tmp_path / "file").format, sniff(tmp_path / "file").headers) == ({"type": "jsonl"}, ["a", "b"])


def test_sheets_with_one_header_are_read_together_and_others_are_left_out(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "file.xlsx") as workbook:
        for name in ("甲镇", "乙镇"):
            sheet = workbook.add_worksheet(name)
            sheet.write_row(0, 0, ["编号", "金额"])
            sheet.write_row(1, 0, ["A1", 3.5])
        workbook.add_worksheet("填表说明").write(0, 0, "请如实填写")
    found = sniff(tmp_path / "file.xlsx")
    assert found.format == {"type": "xlsx", "sheet": "*", "skip_sheets": ["填表说明"], "sheet_as": "sheet"}
    assert "填表说明" in found.elsewhere[0]


# --- types, keys, deliveries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "type_", "formats"),
    [
        (["1", "20", "-3"], "integer", []),
        (["1", "3000000000"], "bigint", []),
        (["1.5", "2", "0.25"], "decimal(18,2)", []),
        (["55.366027008", "1"], "double", []),
        (["2026-03-05", "2026-12-31"], "date", []),
        (["2026/3/5", "2026/12/31"], "date", ["%Y/%m/%d"]),
        (["2026年3月5日", "2026年12月31日"], "date", ["%Y年%m月%d日"]),
        (["2026-03-05 14:30:00", "2026-12-31 00:00:00"], "timestamp", []),
        (["31.12.2026", "01.02.2026"], "date", ["%d.%m.%Y"]),
        (["true", "false"], "boolean", []),
        (["2026-03-05", "去年5月"], "varchar", []),
        (["100", "近38万元"], "varchar", []),
        (["007", "010"], "varchar", []),
        (["", ""], "varchar", []),
    ],
)
def test_what_is_machine_made_has_a_type_and_what_people_typed_stays_text(
    tmp_path: Path, values: list[str], type_: str, formats: list[str]
) -> None:
    found = one_column(tmp_path, "measured", values)
    assert (found.type, found.formats) == (type_, formats)


def test_one_value_that_does_not_fit_in_the_last_of_many_rows_keeps_a_column_text(tmp_path: Path) -> None:
    assert one_column(tmp_path, "measured", [*range(20_000), "unknown"]).type == "varchar"


def test_dates_that_can_be_read_in_two_ways_stay_text_and_are_asked_about(tmp_path: Path) -> None:
    found = proposed(table(tmp_path / "file.csv", [["no", "day"], ["1", "03/04/2026"], ["2", "05/06/2026"]]))
    assert found.columns[1].type == "varchar"
    assert any("read as %d/%m/%Y and as %m/%d/%Y: which?" in item for item in found.review), found.review


def test_digits_that_number_something_stay_text(tmp_path: Path) -> None:
    assert one_column(tmp_path, "gemeinde_nummer", ["1", "2", "261"]).type == "varchar"


def test_few_words_are_declared_and_a_total_row_is_skipped(tmp_path: Path) -> None:
    rows = [["case_no", "category"], *([f"C{i}", ["环境", "噪音"][i % 2]] for i in range(30)), ["", "合计"]]
    found = proposed(table(tmp_path / "file.csv", rows))
    assert found.columns[1].values == ["噪音", "环境"]
    assert found.skip == [{"column": "category", "values": ["合计"]}]


def test_a_total_and_remarks_below_the_rows_hide_no_running_number(tmp_path: Path) -> None:
    rows = [["序号", "服务日期", "积分"], *([i, f"2026.3.{i}", 10 * i] for i in range(1, 21)), ["合计", "", 2100]]
    rows += [["注：积分按小时计", "", ""], ["制表人：李娜", "", ""], ["填表人：张伟强"] * 3]
    found = proposed(table(tmp_path / "台账_2026-03.csv", rows))
    assert found.rows == 20
    assert (found.key, found.delivery) == ([], {"mode": "period", "columns": ["_file_as_of"]})
    assert [column.type for column in found.columns] == ["varchar", "date", "integer"]
    totals, remarks = found.skip
    assert totals == {"column": "line_no", "values": ["合计"]}
    assert remarks["column"] == "line_no" and all(re.fullmatch(remarks["matches"], row[0]) for row in rows[-3:])


def test_amounts_some_of_them_in_words_are_no_list_of_words(tmp_path: Path) -> None:
    assert one_column(tmp_path, "服务时长", ["1", "2", "约2小时", "半天"] * 10).values == []


def test_what_other_sources_call_a_plain_english_key_is_no_name_for_it(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text("".join(json.dumps({"no": i, "activity": {"id": f"e{i}", "type": "a"}}) + "\n" for i in range(3)))
    assert [column.name for column in proposed(path).columns] == ["no", "activity_id", "activity_type"]


def test_a_key_of_persons_is_made_from_what_is_hashed_and_rather_from_a_number_than_a_name(tmp_path: Path) -> None:
    rows = [["活动名称", "姓名", "志愿者编号", "duration_min"], *([f"活动{i % 7}", NAMES[i % 5], f"V{i % 5}", 30 * i] for i in range(20))]
    sql, _ = staging(proposed(table(tmp_path / "file.csv", rows), chosen=["participation"]))["participation"]
    assert re.search(r"\bzhi_yuan_zhe_bian_hao as person_key", sql), sql
    assert re.search(r"\(duration_min::decimal\(8, ?2\) / 60\.0\)::decimal\(8, ?2\) as hours", sql), sql


def test_columns_of_a_record_are_found_by_their_chinese_headers(tmp_path: Path) -> None:
    rows = [["工单编号", "受理时间", "诉求类型", "办结时间"]]
    rows += [[f"G{i}", f"2026-03-0{i} 08:00:00", "环境", f"2026-03-1{i} 08:00:00"] for i in range(1, 6)]
    sql, _ = staging(proposed(table(tmp_path / "file.csv", rows)))["case"]
    assert re.search(r"instant_at\('shou_li_shi_jian', '_time_zone'\) }} as opened_at", sql), sql
    assert re.search(r"'_time_zone'\) }} as ended_at", sql) and "null::varchar as category" not in sql, sql


def test_what_is_assumed_of_a_record_is_a_value_that_its_mart_accepts() -> None:
    accepted = {}
    for path in (settings().dbt_project / "models" / "marts").rglob("fct_*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            for column in model["columns"]:
                for test in column.get("data_tests", []):
                    if isinstance(test, dict) and "accepted_values" in test:
                        values = test["accepted_values"]["arguments"]["values"]
                        accepted[model["name"].removeprefix("fct_"), column["name"]] = values
    assumed = {of: value for of, value in ASSUMED.items() if of in accepted and value}
    assert len(assumed) >= 5 and all(value in accepted[of] for of, value in assumed.items()), assumed


@pytest.mark.parametrize(
    ("name", "rows", "delivery"),
    [
        ("cases.csv", [["case_no", "x"], ["C7", "a"], ["C9", "b"]], {"mode": "upsert", "key": ["case_no"]}),
        ("ledger_2026-03.csv", [["序号", "x"], ["1", "a"], ["2", "b"]], {"mode": "period", "columns": ["_file_as_of"]}),
        ("turnout.csv", [["year", "x"], ["2023", "a"], ["2023", "b"]], {"mode": "period", "columns": ["year"]}),
        ("list.csv", [["town", "x"], ["甲", "a"], ["甲", "a"]], {"mode": "snapshot"}),
        (
            "list.csv",
            [["vote_no", "option_no", "x"], ["1", "1", ""], ["1", "2", ""], ["2", "1", ""], ["2", "2", ""]],
            {"mode": "upsert", "key": ["vote_no", "option_no"]},
        ),
    ],
)
def test_the_delivery_follows_from_key_period_and_file_name(
    tmp_path: Path, name: str, rows: list[list[str]], delivery: dict
) -> None:
    assert proposed(table(tmp_path / name, rows)).delivery == delivery


def test_equal_rows_are_two_people_so_nothing_is_called_a_key(tmp_path: Path) -> None:
    rows = [["D", "X1"], *([[1, 5], [0, 1], [1, 5], [0, 3]] * 10)]
    found = proposed(table(tmp_path / "file.csv", rows), chosen=["survey"])
    assert (found.key, found.delivery["mode"]) == ([], "snapshot")
    assert [column.question["scale_max"] for column in found.columns] == [1, 5]


def test_a_record_that_no_column_speaks_for_must_be_said(tmp_path: Path) -> None:
    with pytest.raises(RecordNeeded, match="--record: one of activity, case"):
        proposed(table(tmp_path / "file.csv", [["colour", "shape"], ["red", "round"]]), chosen=None)


# --- people --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "values", "personal"),
    [
        ("x1", [f"1380013{i:04d}" for i in range(10)], "drop"),
        ("x2", [ID_NUMBER, "", ID_NUMBER], "person"),
        ("x3", NAMES, "person"),
        ("x4", ["203.0.113.5", "203.0.113.77"], "drop"),
        ("x5", ["a.b@example.org", "c@example.com"], "drop"),
        ("x6", ["3栋2单元501室", "12号楼1101室"], "household"),
        ("姓名", ["匿名", "某"], "person"),
        ("Recipient", ["Invented Band", "Invented Choir"], "person"),
        ("联系电话", ["见附件"], "drop"),
        ("年龄", ["34", "65岁"], "age"),
        ("出生日期", ["1980年1月2日"], "birth_date"),
        ("health_condition", ["good", "poor"], "health"),
        ("住址", ["幸福里"], "household"),
        ("ethnicity", ["a", "b"], "drop"),
    ],
)
def test_columns_about_people_are_declared_personal(tmp_path: Path, header: str, values: list[str], personal: str) -> None:
    found = one_column(tmp_path, header, values)
    assert (found.personal, found.type) == (personal, "varchar")
    assert found.personal_why and not found.values


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("社区", ["石桥村", "和畅社区", "王家庄", "李家村", "张家镇", "柳岸东社区"]),
        ("参与人次", ["34", "65"]),
        ("您的年龄段", ["18-44岁", "45-59岁"]),
        ("members_count", ["3", "4"]),
        ("resident_led", ["是", "否", "是", "是"]),
        ("捐赠方类型", ["居民", "企业"]),
    ],
)
def test_places_counts_and_groups_are_not_about_one_person(tmp_path: Path, header: str, values: list[str]) -> None:
    assert one_column(tmp_path, header, values).personal is None


def test_texts_that_may_name_people_are_masked(tmp_path: Path) -> None:
    assert one_column(tmp_path, "问题描述", ["下水道堵", "路灯不亮"]).free_text
    assert one_column(tmp_path, "x", [f"第{i}次反映楼道堆放杂物，请联系13800138000处理一下" for i in range(20)]).free_text


def test_an_id_number_is_known_by_its_check_digit() -> None:
    assert is_id_number(ID_NUMBER)
    assert not is_id_number("110105194912310021")
    assert is_person_name("欧阳修文") and is_person_name("王*") and not is_person_name("王家庄") and not is_person_name("物业")


def test_no_personal_column_of_the_demonstration_district_is_missed_by_headers_and_values_alone(sample: Sample) -> None:
    """The declared sources are not asked: the sniffer sees each file as if it were the first."""
    missed, looked_at = [], 0
    for source in DECLARED:
        files = sorted((sample.raw / source.name).glob("*"))
        if not files:
            continue
        personal = {header for column in source.columns if column.personal for header in column.headers}
        found = {column.header: column for column in propose("new_source", files[-1], [], chosen=["case"]).columns}
        looked_at += len(personal & found.keys())
        missed += [f"{source.name}: {header}" for header in personal & found.keys() if not found[header].personal]
    assert missed == []
    assert looked_at >= 9


def test_the_records_of_the_demonstration_district_are_told_by_their_columns(sample: Sample) -> None:
    """All but one: a register that holds surveys and their answers in one table."""
    wrong = []
    for source in DECLARED:
        files = sorted((sample.raw / source.name).glob("*"))
        if files:
            found = propose("new_source", files[-1], DECLARED)
            if not set(found.records) & set(source.staging_models):
                wrong.append(source.name)
    assert wrong == ["survey_register"]


def test_dates_of_a_workbook_are_dates(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "file.xlsx") as workbook:
        sheet, day = workbook.add_worksheet("a"), workbook.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["case_no", "opened_date", "seen"])
        for row in range(1, 4):
            sheet.write(row, 0, f"C{row}")
            sheet.write_datetime(row, 1, datetime.combine(date(2026, 3, row), datetime.min.time()), day)
            sheet.write(row, 2, "2026/3/5" if row > 1 else "三月五日")
    assert [column.type for column in proposed(tmp_path / "file.xlsx").columns] == ["varchar", "date", "varchar"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "content",
    [
        "甲,3,\"1.234,5\"\n乙,4,\"12,0\"\n丙,5,\"7,25\"\n",
        '"no;name;note"\n"1;甲;""a;b"""\n"2;乙;c"\n',
        "no,name,size\n1,'a, b',3\n2,'c, d',4\n",
        'no,name,size\n1,5" pipe,3\n2,"quoted,4\n',
        "no;amount\na;1.234,50\nb;99,00\n",
    ],
)
def test_what_is_proposed_loads_the_sample_whole_and_its_invented_rows_too(tmp_path: Path, content: str) -> None:
    (tmp_path / "sample.csv").write_text(content, encoding="utf-8")
    proposal = proposed(tmp_path / "sample.csv")
    path = tmp_path / "new_source" / "_new_source__sources.yml"
    path.parent.mkdir()
    path.write_text(declaration_text(proposal), encoding="utf-8")
    (invented,) = (text for name, text in fixtures.files(proposal).items() if name.parts[0] == "valid")
    (tmp_path / "invented.csv").write_text(invented, encoding="utf-8")
    declared, _ = read_declaration(path, {})
    for file in ("sample.csv", "invented.csv"):
        result = Loaded(declared.model_copy(update={"name": "ledger"}), tmp_path / file)
        assert result.status == "loaded" and result.rows_in == result.loaded >= 2, (file, result.message, result.quarantine())
