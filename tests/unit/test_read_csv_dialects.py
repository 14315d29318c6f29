"""CSV as programs write it: delimiters, quotes, line ends, number marks, no header at all, damage. Every row is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.memory import peak_memory
from ingest.declaration import SourceDeclaration
from ingest.declared.formats import CsvFormat
from tests.unit.reading import Loaded, blocked, column, source

pytestmark = pytest.mark.usefixtures("home")
NAME, AMOUNT = column("name"), column("amount", type="decimal(18,2)")


def ledger(*columns, skip=(), layouts=None, **form) -> SourceDeclaration:
    return source({"type": "csv", **form}, *(columns or (NAME, AMOUNT)), skip=list(skip), layouts=layouts or {})


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "ledger.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(declared: SourceDeclaration, folder: Path, content: str | bytes) -> list[tuple]:
    result = Loaded(declared, written(folder, content))
    assert result.quarantined == 0, result.quarantine()
    return result.rows("name, amount::double")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", " ", "┋", "，"])
def test_any_character_may_delimit(tmp_path: Path, delimiter: str) -> None:
    content = f'name{delimiter}amount\n"a{delimiter}b"{delimiter}1\nc{delimiter}2\n'
    assert rows(ledger(delimiter=delimiter), tmp_path, content) == [(f"a{delimiter}b", 1.0), ("c", 2.0)]


@pytest.mark.parametrize(
    ("form", "content", "names"),
    [
        ({}, '"a,b",1\n"say ""hi""",2\n', ["a,b", 'say "hi"']),
        ({"quote": "'"}, "'a,b',1\n'it''s',2\n\"x,3\n", ["a,b", "it's", '"x']),
        ({"quote": "none"}, '"a,1\nb"c,2\n', ['"a', 'b"c']),
        ({"escape": "backslash"}, '"a \\"b\\" \\\\",1\n"c,d",2\n', ['a "b" \\', "c,d"]),
    ],
)
def test_quotes_and_escapes_are_as_declared(tmp_path: Path, form: dict, content: str, names: list[str]) -> None:
    assert [name for name, _ in rows(ledger(**form), tmp_path, "name,amount\n" + content)] == names


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_ends_a_row(tmp_path: Path, end: str) -> None:
    within = "\n" if end == "\r" else end
    assert rows(ledger(), tmp_path, f'name,amount{end}a,1{end}"b{end}c",2{end}') == [("a", 1.0), (f"b{within}c", 2.0)]


@pytest.mark.parametrize(
    "content",
    [
        "name,amount\na,1\r\nb,2\nc,3\r\n",
        "name,amount\r\na,1\nb,2\rc,3",
        "name,amount\ra,1\rb,2\nc,3\n",
    ],
)
def test_line_ends_may_be_mixed(tmp_path: Path, content: str) -> None:
    result = Loaded(ledger(), written(tmp_path, content))
    assert result.rows("name, amount::double, _row_no") == [("a", 1.0, 1), ("b", 2.0, 2), ("c", 3.0, 3)]


def test_a_line_break_within_quotes_is_part_of_the_value_in_mixed_line_ends_too(tmp_path: Path) -> None:
    assert rows(ledger(), tmp_path, 'name,amount\r\n"a\nb",1\nc,2\r\n') == [("a\nb", 1.0), ("c", 2.0)]


@pytest.mark.parametrize(
    ("form", "text", "number"),
    [
        ({"decimal": ","}, "1234,5", 1234.5),
        ({"decimal": ",", "thousands": "."}, "1.234.567,5", 1234567.5),
        ({"decimal": ",", "thousands": "."}, "-1234,50", -1234.5),
        ({"thousands": ","}, "1,234,567.89", 1234567.89),
        ({"thousands": "'"}, "1'234.5", 1234.5),
        ({"thousands": "'", "decimal": ","}, "1’234,5", 1234.5),
        ({"thousands": " ", "decimal": ","}, "1\u00a0234\u202f567,5", 1234567.5),
        ({"thousands": " ", "decimal": ","}, "12", 12.0),
    ],
)
def test_numbers_are_read_with_the_declared_marks(tmp_path: Path, form: dict, text: str, number: float) -> None:
    assert rows(ledger(delimiter=";", **form), tmp_path, f"name;amount\na;{text}\n") == [("a", number)]


@pytest.mark.parametrize("text", ["1.5", "1.23", "12.34.567", "1,234,5", "1,5 EUR", "1.234,"])
def test_a_number_with_its_marks_in_other_places_is_quarantined_as_it_stood(tmp_path: Path, text: str) -> None:
    declared = ledger(delimiter=";", decimal=",", thousands=".")
    result = Loaded(declared, written(tmp_path, f"name;amount\na;{text}\nb;1,5\n"))
    assert result.rows("name, amount::double, _row_no") == [("b", 1.5, 2)]
    assert result.quarantine() == [(1, "amount", "wrong_type", "decimal(18,2) written as 1.234,5", text)]


def test_a_whole_number_has_no_decimals(tmp_path: Path) -> None:
    declared = ledger(NAME, column("amount", type="integer"), delimiter=";", decimal=",", thousands=".")
    result = Loaded(declared, written(tmp_path, "name;amount\na;1.234\nb;1,5\n"))
    assert result.rows("name, amount") == [("a", 1234)]
    assert result.quarantine()[0][3:] == ("integer written as 1.234", "1,5")


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-Infinity", "1e999"])
def test_what_is_no_finite_number_is_quarantined(tmp_path: Path, text: str) -> None:
    result = Loaded(ledger(NAME, column("amount", type="double")), written(tmp_path, f"name,amount\na,{text}\nb,2\n"))
    assert (result.rows("name, amount"), result.quarantine()) == ([("b", 2.0)], [(1, "amount", "wrong_type", "double", text)])


def test_one_column_may_have_marks_of_its_own(tmp_path: Path) -> None:
    declared = ledger(NAME, column("amount", type="double", decimal=","), column("share", type="double"), delimiter=";")
    assert Loaded(declared, written(tmp_path, "name;amount;share\na;1,5;0.5\n")).rows("amount, share") == [(1.5, 0.5)]


def test_without_a_header_the_columns_are_the_declared_ones_in_their_order(tmp_path: Path) -> None:
    result = Loaded(ledger(header_row="none"), written(tmp_path, "a,1\n\nb,x\nc,3\n"))
    assert result.rows("name, amount::double, _row_no") == [("a", 1.0, 1), ("c", 3.0, 3)]
    assert [row[:2] for row in result.quarantine()] == [(2, "amount")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,1,x\n", "expected 2 columns (name, amount), as declared for a file without a header, found 3 in the first row"),
        ("a\n", "found 1 in the first row"),
        ("name,amount\na,1\n", "expected rows without a header, found one: name, amount"),
        ("\n\n", "found 0 in the first row"),
    ],
)
def test_a_file_that_is_not_as_declared_without_a_header_is_blocked(tmp_path: Path, content: str, message: str) -> None:
    assert message in blocked(ledger(header_row="none"), written(tmp_path, content))


def test_lines_may_stand_in_quotes_as_a_whole(tmp_path: Path) -> None:
    content = '"name,amount"\r\n"a,1"\r\n"""b,c"",2"\r\nd,3\r\n'
    assert rows(ledger(wrapped_lines=True), tmp_path, content) == [("a", 1.0), ("b,c", 2.0), ("d", 3.0)]


SURVEY = {"with_header": ["name"], "without": {"format": {"header_row": "none", "wrapped_lines": True, "delimiter": ";"}}}


@pytest.mark.parametrize(
    ("content", "layout"), [("name,amount\na,1\n", "with_header"), ("amount,name\n1,a\n", "with_header"), ('"a;1"\n', "without")]
)
def test_files_of_one_source_may_come_in_several_formats(tmp_path: Path, content: str, layout: str) -> None:
    result = Loaded(ledger(layouts=SURVEY), written(tmp_path, content))
    assert result.rows("name, amount::double, _layout") == [("a", 1.0, layout)]


def test_a_file_that_fits_no_layout_is_told_what_each_expects(tmp_path: Path) -> None:
    message = blocked(ledger(layouts=SURVEY), written(tmp_path, "x;y;z\n1;2;3\n"))
    assert "as with_header: expected the columns name, amount; found x;y;z" in message
    assert "as without: expected 2 columns (name, amount)" in message


def test_ragged_rows_are_quarantined_by_their_number(tmp_path: Path) -> None:
    result = Loaded(ledger(), written(tmp_path, "name,amount\na,1\nb\n\nc,2,3\nd,4\n"))
    assert result.rows("name, _row_no") == [("a", 1), ("d", 4)]
    assert [row[:3] for row in result.quarantine()] == [(2, None, "missing_columns"), (3, None, "too_many_columns")]


def test_text_behind_a_closing_quote_is_quarantined(tmp_path: Path) -> None:
    result = Loaded(ledger(), written(tmp_path, 'name,amount\n"a"b,1\nc,2\n'))
    assert (result.rows("name, _row_no"), result.quarantine()[0][:3]) == ([("c", 2)], (1, None, "unquoted_value"))


@pytest.mark.parametrize("rest", [3, 300_000])
def test_a_quote_that_is_never_closed_harms_its_own_row_only(tmp_path: Path, rest: int) -> None:
    result = Loaded(ledger(), written(tmp_path, 'name,amount\na,1\n"b,2\n' + "c,3\n" * rest))
    assert (result.rows_in, result.loaded) == (rest + 2, rest + 1)
    assert result.quarantine() == [(2, None, "unclosed_quote", 'a closing "', None)]
    assert result.rows("_row_no")[-1] == (rest + 2,)
    assert result.connection.execute("select raw_text from ops.quarantine").fetchone() == ('"b,2',)


def test_several_quotes_that_are_not_closed_are_found_one_by_one(tmp_path: Path) -> None:
    rows_between = "c,3\n" * 150
    result = Loaded(ledger(), written(tmp_path, f'name,amount\n"a,1\n{rows_between}"b,2\n{rows_between}"d,4\n'))
    assert ([row[0] for row in result.quarantine()], result.loaded) == ([1, 152, 303], 300)


def test_a_file_full_of_open_quotes_is_blocked_with_the_cure(tmp_path: Path) -> None:
    content = "name,amount\n" + ('"a,1\n' + "c,3\n" * 150) * 25
    assert "declare quote: none" in blocked(ledger(), written(tmp_path, content))
    assert len(rows(ledger(quote="none"), tmp_path, content)) == 25 * 151


def test_nul_bytes_become_the_sign_for_an_unknown_character(tmp_path: Path) -> None:
    result = Loaded(ledger(), written(tmp_path, b"name,amount\na\0b,1\nc,2\0\nd,3\n" + b"x,4\n" * 20))
    assert result.rows("name")[:2] == [("a\ufffdb",), ("d",)]
    assert result.quarantine() == [(2, "amount", "wrong_type", "decimal(18,2)", "2\ufffd")]


def test_a_file_that_was_not_written_completely_is_blocked(tmp_path: Path) -> None:
    assert "found 500 NUL bytes" in blocked(ledger(), written(tmp_path, b"name,amount\na,1\n" + b"\0" * 500))


def test_a_line_of_several_megabytes_is_quarantined(tmp_path: Path) -> None:
    content = b"name,amount\na,1\n" + b"x" * 5_000_000 + b",2\n\nb,3\nc,x\n\"d,5\n" + b"e,6\n" * 200
    result = Loaded(ledger(), written(tmp_path, content))
    assert result.rows("name, _row_no")[:3] == [("a", 1), ("b", 3), ("e", 6)]
    assert [row[::2][:2] for row in result.quarantine()] == [
        (2, "line_size_over_maximum"), (4, "wrong_type"), (5, "unclosed_quote")
    ]  # fmt: skip


@pytest.mark.parametrize("header", [b"name,amount\n", b""])
def test_a_line_without_end_is_blocked_in_bounded_memory(tmp_path: Path, header: bytes) -> None:
    path = written(tmp_path, header)
    with open(path, "ab") as file:
        for _ in range(300):
            file.write(b"x" * 1_000_000)
    with peak_memory() as before:
        pass
    with peak_memory() as peak:
        assert "expected lines of at most 8 MB, found a longer one" in blocked(ledger(), path)
    assert peak.own - before.own < 100


TOTALS = {"column": "name", "values": ["合计"]}
NOTES = {"column": "name", "matches": "(注|制表人)[:：].*"}


def test_total_rows_and_notes_are_skipped_even_when_they_do_not_fit(tmp_path: Path) -> None:
    content = "name,amount\na,1\n合计,一\nb,2\n注：单位为元\n制表人：张三,审核：李四,x\nc,x\n合计,3\n"
    result = Loaded(ledger(skip=[TOTALS, NOTES]), written(tmp_path, content))
    assert result.rows("name, _row_no") == [("a", 1), ("b", 3)]
    assert (result.rows_in, result.skipped, [row[0] for row in result.quarantine()]) == (7, 4, [6])


def test_a_skip_of_a_column_that_the_file_lacks_skips_nothing(tmp_path: Path) -> None:
    declared = ledger(NAME, AMOUNT, column("level", required=False), skip=[{"column": "level", "values": ["country"]}])
    assert rows(declared, tmp_path, "name,amount\na,1\n") == [("a", 1.0)]
    assert Loaded(declared, written(tmp_path, "name,amount,level\na,1,country\nb,2,town\n")).rows("name") == [("b",)]


def test_what_the_title_tells_stands_in_every_row(tmp_path: Path) -> None:
    declared = ledger(NAME, AMOUNT, column("month"), header_row="auto", title_as={"month": r"(\d{4}年\d{1,2}月)"})
    path = written(tmp_path, "青禾镇台账（２０２６年3月）,\nname,amount\na,1\nb,2\n")
    assert Loaded(declared, path).rows("name, month") == [("a", "2026年3月"), ("b", "2026年3月")]
    assert "expected a cell with (\\d{4}年\\d{1,2}月) above the header, found none" in blocked(
        declared, written(tmp_path, "青禾镇台账,\nname,amount\na,1\n")
    )


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"decimal": ",", "thousands": ","}, "expected another mark than decimal"),
        ({"delimiter": '"'}, "expected a character that is no quote"),
        ({"delimiter": "||"}, "at most 1 character"),
        ({"header_row": "none", "unit_note_as": "unit"}, "nothing stands above the rows"),
        ({"title_as": {"month": r"\d{4}"}}, "expected a pattern with one group"),
        ({"title_as": {"month": "("}}, "expected a regular expression"),
    ],
)
def test_a_format_that_contradicts_itself_is_refused(form: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CsvFormat(**form)


def test_a_layout_whose_format_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="header_rwo"):
        ledger(layouts={"old": {"format": {"header_rwo": "none"}}})


@pytest.mark.parametrize("skip", [{"column": "name"}, {"column": "name", "values": ["x"], "matches": "x"}])
def test_a_skip_names_either_values_or_a_pattern(skip: dict) -> None:
    with pytest.raises(ValueError, match="expected either `values`"):
        ledger(skip=[skip])


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize(
    ("skip", "end"),
    [
        (TOTALS, "合计,3\n"),  # a whole row
        (NOTES, "注：单位为元\n"),  # one with too few fields
    ],
)
def test_nothing_below_the_end_of_the_data_is_loaded_or_quarantined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skip: dict, end: str, corrected: bool
) -> None:
    if corrected:
        monkeypatch.setattr("ingest.declaration.ColumnDeclaration.is_corrected", True)
    content = f"name,amount\na,1\nb,x\n\nc,2\n{end}d,4\n审核,李四,x\ne,f\n制表人：张三\n{end}g,1\n"
    result = Loaded(ledger(skip=[{**skip, "below": True}]), written(tmp_path, content))
    assert result.rows("name, _row_no") == [("a", 1), ("c", 3)]
    assert (result.rows_in, result.skipped, [row[0] for row in result.quarantine()]) == (10, 7, [2])
    whole = Loaded(ledger(skip=[skip]), written(tmp_path, content))
    assert [name for (name,) in whole.rows("name")] == ["a", "c", "d", "g"]
