"""Corrections: a cell is corrected where it holds exactly what the correction says, before it is cast, and nowhere else."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies

from ingest import corrections
from ingest.corrections import CorrectionError
from ingest.declaration import declaration
from samples.files import Sheet, write_xlsx
from tests.conftest import rows_of
from tests.unit.ledger_project import COLUMNS, DONE, FIELDS, PERSONAL, Ledger, ledger  # noqa: F401 (a fixture)
from tests.unit.reading import Loaded

PEOPLE = {"file": "a.csv", "row_no": 2, "column_name": "people", "found_value": "三十", "corrected_value": "30"}
LOADED = "select entry_no, people, day::varchar, topic, _row_no from raw.ledger order by _row_no"
OUTCOMES = "select correction_id, row_no, column_name, outcome from ops.correction_outcome order by all"


def test_a_quarantined_row_becomes_loadable_and_knows_its_correction(ledger: Ledger) -> None:
    ledger.correct(PEOPLE)
    ledger.file("a.csv", "A1,12,2026-03-01,会", "A2,三十,2026-03-02,会", "A3,五,2026-03-03,会")
    (report,) = ledger.arrive()
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined) == (3, 2, 1)
    assert rows_of(LOADED) == [("A1", 12, "2026-03-01", "会", 1), ("A2", 30, "2026-03-02", "会", 2)]
    assert rows_of(OUTCOMES) == [("C1", 2, "people", "applied")]
    assert rows_of("select row_no, column_name, reason, raw_value from ops.quarantine") == [(3, "people", "wrong_type", "五")]


def test_a_loaded_row_becomes_right(ledger: Ledger) -> None:
    ledger.correct({"file": "a.csv", "row_no": 1, "column_name": "topic", "found_value": "伦教", "corrected_value": "邻里节"})
    ledger.file("a.csv", "A1,12,2026-03-01, 伦教 ", "A2,12,2026-03-01,伦教")
    ledger.arrive()
    assert rows_of("select topic from raw.ledger order by _row_no") == [("邻里节",), ("伦教",)]


@pytest.mark.parametrize("found", ["三十一", "30", ""])
def test_a_cell_that_holds_something_else_is_left_alone(ledger: Ledger, found: str) -> None:
    ledger.correct({**PEOPLE, "corrected_value": "99"})
    ledger.file("a.csv", "A1,12,2026-03-01,会", f"A2,{found},2026-03-02,会")
    ledger.arrive()
    assert rows_of("select count(*) from raw.ledger where people = 99") == [(0,)]
    assert rows_of(OUTCOMES) == [("C1", 2, "people", "differs")]


def test_a_row_is_found_by_its_key_in_every_file_of_that_name(ledger: Ledger) -> None:
    keyed = {"file": "*.csv", "key_column": "entry_no", "key_value": "A2", "column_name": "people", "found_value": "三十",
             "corrected_value": "30"}  # fmt: skip
    ledger.correct(keyed)
    ledger.file("a.csv", "A1,三十,2026-03-01,会", "A2,三十,2026-03-02,会")
    ledger.file("b.csv", "A2,三十,2026-03-02,会", "A3,1,2026-03-02,会")
    ledger.file("c.csv", "A4,1,2026-03-02,会")
    ledger.arrive()
    assert rows_of("select entry_no, people from raw.ledger order by all") == [("A2", 30), ("A2", 30), ("A3", 1), ("A4", 1)]
    assert [row[3] for row in rows_of(OUTCOMES)].count("applied") == 2
    assert [row[3] for row in rows_of(OUTCOMES)].count("absent") == 1


def test_an_empty_cell_can_be_filled_and_a_filled_one_emptied(ledger: Ledger) -> None:
    ledger.correct(
        {"file": "a.csv", "row_no": 1, "column_name": "day", "found_value": "", "corrected_value": "2026-03-01"},
        {"file": "a.csv", "row_no": 1, "column_name": "topic", "found_value": "?", "corrected_value": ""},
    )
    ledger.file("a.csv", "A1,12,,?")
    ledger.arrive()
    assert rows_of(LOADED) == [("A1", 12, "2026-03-01", None, 1)]


def test_the_numbers_of_rows_do_not_move_when_rows_before_are_rejected(ledger: Ledger) -> None:
    ledger.correct({**PEOPLE, "row_no": 4})
    ledger.file("a.csv", "A1,12,2026-03-01,会", "", "A2,1", "A3,1,not a day,会", "A4,三十,2026-03-02,会", "A5,1,2026-03-02,会")
    ledger.arrive()
    assert rows_of("select entry_no, _row_no from raw.ledger order by _row_no") == [("A1", 1), ("A4", 4), ("A5", 5)]
    assert rows_of("select row_no, reason from ops.quarantine order by 1") == [(2, "missing_columns"), (3, "wrong_type")]


def test_a_row_that_could_not_be_read_at_all_is_absent_for_its_correction(ledger: Ledger) -> None:
    ledger.correct(PEOPLE)
    ledger.file("a.csv", "A1,12,2026-03-01,会", "A2,三十")
    ledger.arrive()
    assert rows_of(OUTCOMES) == [("C1", 2, "people", "absent")]


def test_json_and_workbooks_are_corrected_alike(ledger: Ledger) -> None:
    ledger.declare(format={"type": "json"})
    ledger.correct({**PEOPLE, "file": "a.json"}, {**PEOPLE, "file": "b.xlsx", "row_no": 3})
    records = [{"编号": "A1", "人数": 1, "日期": "2026-03-01", "主题": "会"}, {"编号": "A2", "人数": "三十", "日期": None, "主题": None}]
    (ledger.drop / "a.json").write_text(json.dumps(records), encoding="utf-8")
    ledger.arrive()
    (ledger.drop / "a.json").unlink()
    ledger.declare(format={"type": "xlsx"})
    write_xlsx(ledger.drop / "b.xlsx", [Sheet("表", [["编号", "人数", "日期", "主题"], ["B1", 1, None, None], ["B2", "三十", None, None]])])
    ledger.arrive()
    assert rows_of("select entry_no, people from raw.ledger order by all") == [("A1", 1), ("A2", 30), ("B1", 1), ("B2", 30)]


def test_a_file_is_named_by_its_sha256_too(ledger: Ledger) -> None:
    import hashlib

    path = ledger.file("a.csv", "A1,12,2026-03-01,会", "A2,三十,2026-03-02,会")
    ledger.correct({**PEOPLE, "file": hashlib.sha256(path.read_bytes()).hexdigest()})
    ledger.arrive()
    assert rows_of("select people from raw.ledger order by all") == [(12,), (30,)]


FAULTY = {
    "an unknown column": ({"column_name": "peoples"}, "column_name: expected a column that ledger declares .*found peoples"),
    "a value that does not fit": ({"corrected_value": "ca. 30"}, "corrected_value: expected integer, found 'ca. 30'"),
    "no row": ({"row_no": ""}, "expected either row_no or key_column with key_value"),
    "a key besides": ({"key_column": "entry_no", "key_value": "A2"}, "expected either row_no or key_column"),
    "half a key": ({"row_no": "", "key_column": "entry_no"}, "expected key_column and key_value together"),
    "a row of many files": ({"file": "*.csv"}, "a row number holds in one file"),
    "no change": ({"corrected_value": "三十"}, "expected a corrected_value other than the found_value"),
    "no name of who says so": ({"corrected_by": ""}, "corrected_by: "),
    "no day": ({"corrected_on": "last week"}, "corrected_on: "),
    "no number of the row": ({"row_no": "two"}, "row_no: "),
    "a name": ({"column_name": "name", "found_value": "张女土", "corrected_value": "张女士"}, "column without personal data"),
    "a remark": ({"column_name": "remark"}, "column without personal data, found remark"),
    "a name as the key": ({"row_no": "", "key_column": "name", "key_value": "张女士"}, "key_column: .*without personal data"),
    "a phone number": ({"column_name": "topic", "found_value": "会 19900001234"}, "found_value: expected no phone number"),
    "a phone number in the reason": ({"reason": "called 19900001234"}, "reason: expected no phone number"),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_correction_is_refused_with_its_line_and_nothing_is_loaded(ledger: Ledger, fault: str) -> None:
    changes, said = FAULTY[fault]
    ledger.declare({**COLUMNS, **PERSONAL})
    ledger.correct({**PEOPLE, "row_no": 1}, {**PEOPLE, **changes})
    ledger.file("a.csv", "A1,12,2026-03-01,会,张女士,", header="编号,人数,日期,主题,姓名,备注")
    with pytest.raises(CorrectionError, match=f"dbt_project/seeds/correction.csv, line 3: .*{said}") as raised:
        ledger.arrive()
    assert "19900001234" not in str(raised.value) and "张女" not in str(raised.value)
    assert rows_of("select count(*) from ops.batch") == [(0,)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,source\n", "line 1: expected the columns correction_id,source,file,"),
        (",".join(FIELDS) + "\nC1,ledger,a.csv\n", "line 2: expected 12 fields, found 3"),
        (",".join(FIELDS) + '\nC1,"ledger\n', "line 2: expected CSV in UTF-8"),
    ],
)
def test_a_seed_that_is_no_table_of_corrections_is_refused(ledger: Ledger, content: str, said: str) -> None:
    ledger.seed.write_text(content, encoding="utf-8")
    with pytest.raises(CorrectionError, match=said):
        corrections.check_all()


def test_a_correction_of_an_unknown_source_harms_no_other_but_is_named_when_all_are_checked(ledger: Ledger) -> None:
    ledger.correct({**PEOPLE, "source": "legder"})
    ledger.file("a.csv", "A1,12,2026-03-01,会")
    (report,) = ledger.arrive()
    assert report.status == "loaded"
    with pytest.raises(CorrectionError, match="line 2: no source is called 'legder'"):
        corrections.check_all()


def test_two_corrections_of_one_cell_are_refused(ledger: Ledger) -> None:
    ledger.correct(PEOPLE, {**PEOPLE, "corrected_value": "31"})
    with pytest.raises(CorrectionError, match="line 3: expected one correction of a cell"):
        corrections.check_all()
    ledger.correct(PEOPLE, {**PEOPLE, "row_no": "", "key_column": "entry_no", "key_value": "A2", "corrected_value": "31"})
    ledger.file("a.csv", "A1,12,2026-03-01,会", "A2,三十,2026-03-02,会")
    with pytest.raises(CorrectionError, match="found C1 and C2 for row 2, column people"):
        ledger.arrive()


def test_a_correction_id_is_there_once(ledger: Ledger) -> None:
    ledger.correct(PEOPLE, {**PEOPLE, "correction_id": "C1", "row_no": 3})
    with pytest.raises(CorrectionError, match="expected a correction_id of its own, found C1 more than once"):
        corrections.check_all()


def test_the_seed_of_the_project_holds_usable_corrections_only(home: Path) -> None:
    corrections.check_all()


cell = strategies.text(alphabet='3x,"\n 三', max_size=3)


@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=strategies.lists(cell, min_size=1, max_size=8), data=strategies.data())
def test_only_the_named_cell_is_corrected_whatever_the_others_hold(ledger: Ledger, values: list[str], data) -> None:
    """A file of text loads the same with a correction of one row, but for that cell, if it holds what the correction says."""
    wanted = data.draw(strategies.integers(1, len(values)))
    ledger.declare({"entry_no": {"header": ["编号"]}, "topic": {"header": ["主题"]}})
    text = io.StringIO()
    csv.writer(text).writerows([["编号", "主题"], *([f"A{number}", value] for number, value in enumerate(values, start=1))])
    for path in ledger.drop.iterdir():
        path.unlink()
    (ledger.drop / "a.csv").write_bytes(text.getvalue().encode())
    found = values[wanted - 1].strip(" ")
    with ledger.seed.open("w", encoding="utf-8", newline="") as file:
        line = dict.fromkeys(FIELDS, "") | {
            "correction_id": "C1", "source": "ledger", "file": "a.csv", "row_no": wanted, "column_name": "topic",
            "found_value": found, "corrected_value": "corrected", **DONE,
        }  # fmt: skip
        csv.writer(file).writerows([FIELDS, list(line.values())])
    loaded = Loaded(declaration("ledger"), ledger.drop / "a.csv")
    expected = {number: value or None for number, value in enumerate(values, start=1)}
    assert dict(loaded.rows("_row_no, topic")) == {**expected, wanted: "corrected"}


def test_of_a_row_with_two_faults_both_can_be_corrected(ledger: Ledger) -> None:
    day = {**PEOPLE, "column_name": "day", "found_value": "三月二日", "corrected_value": "2026-03-02"}
    ledger.file("a.csv", "A1,12,2026-03-01,会", "A2,三十,三月二日,会")
    ledger.correct(PEOPLE)
    (report,) = ledger.arrive()
    assert report.rows_quarantined == 1
    assert rows_of("select column_name, raw_value from ops.quarantine") == [("day", "三月二日")]
    assert rows_of(OUTCOMES) == [("C1", 2, "people", "applied")]
    ledger.file("b.csv", "B1,1,2026-03-01,会", "B2,三十,三月二日,会")
    ledger.correct({**PEOPLE, "file": "b.csv"}, {**day, "file": "b.csv"})
    ledger.arrive()
    assert rows_of("select people, day::varchar from raw.ledger where entry_no = 'B2'") == [(30, "2026-03-02")]


def test_a_corrected_number_is_written_with_the_marks_of_the_format(ledger: Ledger) -> None:
    ledger.declare({"entry_no": {"header": ["编号"]}, "amount": {"header": ["金额"], "type": "decimal(18,2)"}},
                   format={"type": "csv", "delimiter": ";", "decimal": ",", "thousands": "."})  # fmt: skip
    cell = {"file": "a.csv", "row_no": 1, "column_name": "amount", "found_value": "viel"}
    ledger.correct({**cell, "corrected_value": '"1.234,50"'})
    ledger.file("a.csv", "A1;viel", "A2;2,5", header="编号;金额")
    ledger.arrive()
    assert rows_of("select amount::varchar from raw.ledger order by entry_no") == [("1234.50",), ("2.50",)]
    ledger.correct({**cell, "corrected_value": "eine Menge"})
    with pytest.raises(CorrectionError, match="corrected_value: expected decimal"):
        corrections.check_all()
