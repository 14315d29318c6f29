"""Exports of platforms: every record of the declared list becomes one row, or a quarantined one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.declaration import Delivery, SourceDeclaration
from ingest.declared.formats import JsonFormat
from tests.unit.reading import Loaded, blocked, column, source

pytestmark = pytest.mark.usefixtures("home")
CASES = {
    "code": 0,
    "data": {
        "exported_at": "2026-03-01",
        "list": [
            {
                "id": 1,
                "user": {"id": "u1", "name": "张女士"},
                "tags": ["停车", "噪声"],
                "events": [{"at": "2026-01-02"}, {"at": "2026-01-05"}],
            },
            {"id": 2, "user": {"id": "u2"}, "tags": [], "events": []},
            {"id": 3, "user": None, "tags": None, "score": 4.50, "events": [{"at": "2026-02-01", "by": {"org": "居委会"}}]},
        ],
    },
}


def export(*columns, **more) -> SourceDeclaration:
    form = {"type": "json", **{key: more.pop(key) for key in ("type", "records", "encoding") if key in more}}
    return source(form, *(columns or (column("case_no", "id", type="integer"),)), **more)


def written(folder: Path, content: object, encoding: str = "utf-8") -> Path:
    path = folder / "export.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), encoding=encoding)
    return path


def test_the_records_lie_where_the_declaration_says(tmp_path: Path) -> None:
    result = Loaded(export(records="data.list[]"), written(tmp_path, CASES))
    assert (result.status, result.rows_in, result.loaded) == ("loaded", 3, 3)
    assert result.rows("case_no, _row_no") == [(1, 1), (2, 2), (3, 3)]


def test_a_list_at_the_top_needs_no_path(tmp_path: Path) -> None:
    assert Loaded(export(), written(tmp_path, [{"id": 7}, {"id": 8}])).rows("case_no") == [(7,), (8,)]


def test_each_line_may_be_a_record(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id": 7}\n\n{"id": 8}\n{"id": "neun"}\n')
    result = Loaded(export(type="jsonl"), path)
    assert result.rows("case_no, _row_no") == [(7, 1), (8, 2)]
    assert result.quarantine() == [(3, "case_no", "wrong_type", "integer", "neun")]


def test_a_header_with_dots_leads_into_objects_and_lists_become_text(tmp_path: Path) -> None:
    declared = export(
        column("case_no", "id"), column("user_id", "user.id"), column("tags"), column("score"), column("events"),
        records="data.list[]",
    )
    assert Loaded(declared, written(tmp_path, CASES)).rows("case_no, user_id, tags, score, events") == [
        ("1", "u1", "停车┋噪声", None, '[{"at":"2026-01-02"},{"at":"2026-01-05"}]'),
        ("2", "u2", "", None, ""),
        ("3", None, None, "4.5", '[{"at":"2026-02-01","by":{"org":"居委会"}}]'),
    ]


def test_a_key_that_has_a_dot_is_found_too(tmp_path: Path) -> None:
    declared = export(column("user_id", "user.id"))
    assert Loaded(declared, written(tmp_path, [{"user.id": "u1"}])).rows("user_id") == [("u1",)]


def test_events_of_a_case_are_records_that_know_their_case(tmp_path: Path) -> None:
    declared = export(
        column("case_no", "^.id", type="integer"),
        column("raised_by", "^.user.id", personal="person"),
        column("exported", "^^.data.exported_at", type="date"),
        column("happened_date", "at", type="date"),
        column("org", "by.org"),
        records="data.list[].events[]",
    )
    result = Loaded(declared, written(tmp_path, CASES))
    assert result.rows("case_no, happened_date::varchar, exported::varchar, org, raised_by is null, _row_no") == [
        (1, "2026-01-02", "2026-03-01", None, False, 1), (1, "2026-01-05", "2026-03-01", None, False, 2),
        (3, "2026-02-01", "2026-03-01", "居委会", True, 3),
    ]


def test_lines_have_records_inside_too(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id": 7, "events": [{"at": "a"}, {"at": "b"}]}\n{"id": 8}\n')
    declared = export(column("case_no", "^.id"), column("happened", "at"), type="jsonl", records="[].events")
    assert Loaded(declared, path).rows("case_no, happened") == [("7", "a"), ("7", "b")]


def test_keys_that_are_not_declared_are_named_and_values_outside_the_record_are_not(tmp_path: Path) -> None:
    declared = export(column("user_id", "user.id"), records="data.list[]")
    message = Loaded(declared, written(tmp_path, CASES)).message
    assert message == "columns not declared and not loaded: id, tags, events, score, user.name"


def test_what_is_no_object_is_quarantined(tmp_path: Path) -> None:
    result = Loaded(export(), written(tmp_path, [{"id": 1}, 5, None, "x", [1], {"id": 2}]))
    assert result.rows("case_no, _row_no") == [(1, 1), (2, 6)]
    assert [(row[0], row[2]) for row in result.quarantine()] == [(number, "not_an_object") for number in (2, 3, 4, 5)]


def test_an_object_without_any_declared_value_is_skipped(tmp_path: Path) -> None:
    result = Loaded(export(), written(tmp_path, [{"id": 1}, {}, {"id": None}, {"x": 1}]))
    assert (result.rows_in, result.loaded, result.skipped) == (4, 1, 3)


def test_large_numbers_keep_their_digits(tmp_path: Path) -> None:
    path = written(tmp_path, '[{"id": 123456789012345678901234567890}, {"id": 0.10}, {"id": true}]')
    assert Loaded(export(column("id")), path).rows("id") == [("123456789012345678901234567890",), ("0.1",), ("true",)]


def test_personal_values_are_hashed_dropped_or_masked(tmp_path: Path) -> None:
    declared = export(
        column("who", "user.name", personal="person"), column("phone", personal="drop"), column("note", free_text=True),
        column("people", type="integer"),
    )
    rows = [
        {"user": {"name": "张女士"}, "phone": "19900001234", "note": "请回电19900001234", "people": 1},
        {"user": {"name": "李先生"}, "phone": "19900001234", "note": "x", "people": "无"},
    ]
    result = Loaded(declared, written(tmp_path, rows))
    ((who, note),) = result.rows("who, note")
    assert (len(who), note) == (8 + 1 + 64, "请回电[phone]")
    assert "李先生" not in str(result.connection.execute("from ops.quarantine").fetchall())


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_other_encodings_are_declared(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path, [{"社区": "和畅社区"}], encoding)
    assert Loaded(export(column("place", "社区"), encoding=encoding), path).rows("place") == [("和畅社区",)]


def test_a_byte_order_mark_is_taken_off(tmp_path: Path) -> None:
    assert Loaded(export(), written(tmp_path, [{"id": 1}], "utf-8-sig")).loaded == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"id": 1},\n {"id": }]', "expected JSON, found in line 2, column 9"),
        ('[{"id": 1}, {"id": 2', "it may have been cut off"),
        ('[{"id": 1}] x', "expected JSON, found in line 1, column 13"),
        ('{"id": 1}\n{"id": 2}', "one per line are declared as format: {type: jsonl}"),
        ('{"id": 1, "rows": []}', "expected a list at the top of the document, found OBJECT, with the keys: id, rows"),
        ("5", "expected a list at the top of the document, found UBIGINT"),
        ('[{"no": 1}]', "expected the columns id; found no; missing: id"),
        ("\n", "found 0"),
        ("编号,社区\n1,和畅社区\n", "expected JSON, found in line 1, column 1"),
        ("[" * 100_000 + "]" * 100_000, "found none; missing: id"),
    ],
)
def test_what_is_not_the_declared_json_is_blocked_and_the_place_is_named(tmp_path: Path, content: str, message: str) -> None:
    assert message in blocked(export(), written(tmp_path, content))


def test_an_empty_list_is_refused_only_where_it_would_replace_rows(tmp_path: Path) -> None:
    path = written(tmp_path, "[]")
    result = Loaded(export(), path)
    assert (result.status, result.rows_in, result.rows("*")) == ("loaded", 0, [])
    snapshot = export().model_copy(update={"delivery": Delivery(mode="snapshot")})
    assert "an empty file never replaces what is there" in blocked(snapshot, path)


def test_a_key_that_stands_twice_in_a_record_is_quarantined(tmp_path: Path) -> None:
    result = Loaded(export(), written(tmp_path, '[{"id": 1, "id": 2}, {"id": 3, "a": {"id": 4}}]'))
    assert result.rows("case_no, _row_no") == [(3, 2)]
    assert result.quarantine() == [(1, None, "repeated_key", "each key once", None)]


@pytest.mark.parametrize(
    ("type", "content"),
    [("json", '[{"id": "a\\u0000b"}]'), ("jsonl", '{"id": "a\\u0000b"}\n'), ("jsonl", '{"id": "a\0b"}\n' + "{}\n" * 9)],
)
def test_a_nul_character_becomes_the_sign_for_an_unknown_one(tmp_path: Path, type: str, content: str) -> None:
    assert Loaded(export(column("case_no", "id"), type=type), written(tmp_path, content)).rows("case_no") == [("a\ufffdb",)]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
def test_what_is_no_finite_number_is_quarantined(tmp_path: Path, number: str) -> None:
    result = Loaded(export(column("score", type="double")), written(tmp_path, f'[{{"score": {number}}}, {{"score": 0.5}}]'))
    assert (result.rows("score"), result.quarantine()[0][:3]) == ([(0.5,)], (1, "score", "wrong_type"))


@pytest.mark.parametrize("nested", ["[" * 10_000 + "]" * 10_000, '{"a":' * 10_000 + "1" + "}" * 10_000])
def test_a_deeply_nested_value_that_is_not_declared_harms_nothing(tmp_path: Path, nested: str) -> None:
    assert Loaded(export(), written(tmp_path, f'[{{"id": 1, "deep": {nested}}}]')).rows("case_no") == [(1,)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(tmp_path: Path, end: str) -> None:
    assert Loaded(export(type="jsonl"), written(tmp_path, f'{{"id": 1}}{end}{{"id": 2}}{end}')).loaded == 2


def test_a_line_without_end_is_blocked(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    with open(path, "w") as file:
        file.write('{"id": "')
        for _ in range(80):
            file.write("x" * 1_000_000)
    assert "expected lines of at most 64 MB, found a longer one" in blocked(export(type="jsonl"), path)


def kept(result: Loaded) -> list[tuple]:
    return result.connection.execute("select row_no, reason, expected, raw_text from ops.quarantine order by row_no").fetchall()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_a_broken_line_is_quarantined_alone_with_its_text(tmp_path: Path, end: str) -> None:
    path = written(tmp_path, end.join(['{"id": 1}', '{"id":', '{"id": 3}', '{"id": 4} {"id": 5}', '{"id": 6']))
    result = Loaded(export(type="jsonl"), path)
    assert (result.status, result.rows_in, result.rows("case_no, _row_no")) == ("loaded", 5, [(1, 1), (3, 3)])
    assert kept(result) == [
        (2, "invalid_json", "one JSON document, found in column 7 of the line: Expecting value", '{"id":'),
        (4, "invalid_json", "one JSON document, found in column 11 of the line: Extra data", '{"id": 4} {"id": 5}'),
        (5, "invalid_json", "one JSON document, found in column 9 of the line: Expecting ',' delimiter", '{"id": 6'),
    ]


def test_a_broken_line_takes_the_place_of_one_record_where_a_line_holds_several(tmp_path: Path) -> None:
    lines = ['{"id": 1, "events": [{"at": "a"}, {"at": "b"}]}', '{"id": 2, "events": [', '{"id": 3, "events": [{"at": "c"}]}']
    declared = export(column("case_no", "^.id"), column("happened", "at"), type="jsonl", records="[].events[]")
    result = Loaded(declared, written(tmp_path, "\n".join(lines)))
    assert result.rows("case_no, happened, _row_no") == [("1", "a", 1), ("1", "b", 2), ("3", "c", 4)]
    assert [(row[0], row[1], row[3]) for row in kept(result)] == [(3, "invalid_json", lines[1])]


def test_the_text_of_a_broken_line_about_people_is_withheld(tmp_path: Path) -> None:
    declared = export(column("who", "id", personal="person"), type="jsonl")
    result = Loaded(declared, written(tmp_path, '{"id": "张女士"}\n{"id": "李先生"\n'))
    assert [row[1] for row in kept(result)] == ["invalid_json"] and "李先生" not in str(kept(result))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_damaged_character_in_a_line_spoils_that_line(tmp_path: Path, encoding: str) -> None:
    lines = [json.dumps({"id": number, "place": "和畅社区的广场"}, ensure_ascii=False).encode(encoding) for number in range(9)]
    lines[4] = lines[4].replace("广".encode(encoding), "广".encode(encoding)[:1])
    path = tmp_path / "export.json"
    path.write_bytes(b"\n".join(lines))
    result = Loaded(export(type="jsonl", encoding=encoding), path)
    assert (result.rows_in, result.loaded) == (9, 8) and [row[:2] for row in kept(result)] == [(5, "invalid_encoding")]


def test_a_file_without_a_whole_line_is_blocked(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id":\n 1,\n"at": 2}\n')
    assert "expected one JSON document per line, found in line 1, column 7: " in blocked(export(type="jsonl"), path)


def test_a_list_that_is_somewhere_else_is_blocked_and_the_keys_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, {"data": {"rows": [{"id": 1, "events": {"at": 1}}]}})
    assert "expected a list at data.list of the document, found nothing, with the keys: data" in blocked(
        export(records="data.list"), path
    )
    assert "expected a list at events of record 1 around it, found OBJECT" in blocked(export(records="data.rows[].events"), path)


@pytest.mark.parametrize(
    ("path", "levels"),
    [
        ("[]", [""]),
        ("data.list[]", ["data.list"]),
        ("data.list", ["data.list"]),
        ("data.list[].events[]", ["data.list", "events"]),
        ("[].events", ["", "events"]),
        ("a[].b.c[].d[]", ["a", "b.c", "d"]),
    ],
)
def test_the_path_to_the_records_is_read(path: str, levels: list[str]) -> None:
    assert JsonFormat(type="json", records=path).levels == levels


@pytest.mark.parametrize("path", ["", ".", "data..list", "data.[]", "data[0]", "$.data"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="expected a path such as data.list"):
        JsonFormat(type="json", records=path)


def test_decimals_of_a_record_per_line_are_exact(tmp_path: Path) -> None:
    amount = column("amount", "账.金额", type="decimal(30,10)")
    numbers = ["1234567890123456.78", "0.1000000001", "1E+5", "12345678901234567890", '"9007199254740993.25"', "1e40", '"近38万"']
    path = written(tmp_path, "".join(f'{{"账": {{"金额": {number}}}}}\n' for number in numbers))
    result = Loaded(export(amount, type="jsonl"), path)
    assert [str(value) for (value,) in result.rows("amount")] == [
        "1234567890123456.7800000000", "0.1000000001", "100000.0000000000", "12345678901234567890.0000000000", "9007199254740993.2500000000",
    ]  # fmt: skip
    assert result.quarantine() == [
        (6, "amount", "wrong_type", "decimal(30,10)", "1e40"), (7, "amount", "wrong_type", "decimal(30,10)", "近38万"),
    ]  # fmt: skip


def test_a_moment_is_told_by_the_clock_of_the_source(tmp_path: Path) -> None:
    times = ["2026-01-01T02:00:00Z", "2026-01-01T10:00:00+08:00", "2026-01-01 10:00:00.000+0800", "2026-01-01 10:00"]
    path = written(tmp_path, [{"at": time} for time in times])
    loaded = Loaded(export(column("raised_at", "at", type="timestamp")), path)
    assert loaded.rows("raised_at::varchar") == [("2026-01-01 10:00:00",)] * 4
