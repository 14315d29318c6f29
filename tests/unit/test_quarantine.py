"""Quarantine: every reason is declared, and what was ever wrong with a row stays known."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from ingest import quarantine, readers, staging_quarantine, warehouse
from ingest.cli import app
from ingest.quarantine import UndeclaredReason
from ingest.readers.parsed import Rejected
from ingest.reasons import REASONS
from tests.conftest import PROJECT, rows_of
from tests.unit.ledger_project import COLUMNS, PERSONAL, Ledger, ledger  # noqa: F401 (a fixture)

HISTORY = "select row_no, column_name, reason, raw_value, resolution, closed_by from ops.quarantine_history order by all"


def gmw(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.output


def test_every_error_of_the_csv_reader_is_a_declared_reason(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1\n", encoding="utf-8")
    connection = duckdb.connect()
    connection.execute(
        "from read_csv(?, auto_detect = false, header = true, columns = {'a': 'integer', 'b': 'integer'}, store_rejects = true)",
        [str(tmp_path / "a.csv")],
    ).fetchall()
    (errors,) = connection.execute("select enum_range(any_value(error_type)) from reject_errors").fetchone()
    assert {error.lower().replace(" ", "_") for error in errors} - {"cast"} <= set(REASONS)


def test_the_runbook_lists_the_declared_reasons_with_their_meaning() -> None:
    page = (PROJECT / "docs" / "runbooks" / "quarantine.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^## The reasons\n(.*?)^##", page, re.MULTILINE | re.DOTALL)
    assert dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", listed, re.MULTILINE)) == {
        code: reason.meaning for code, reason in REASONS.items()
    }


def test_a_reason_that_nobody_declared_stores_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.file("a.csv", "A1,1,2026-03-01,会", "A2,x,2026-03-01,会")
    read = readers.READERS["csv"]

    def strange(*arguments):
        parsed = read(*arguments)
        parsed.rejected[:] = [Rejected(2, None, "strange", "", None, None)]
        return parsed

    monkeypatch.setitem(readers.READERS, "csv", strange)
    with pytest.raises(UndeclaredReason, match="found strange; declare them there"):
        ledger.arrive()
    assert rows_of("select count(*) from ops.batch") == [(0,)]


def test_a_row_in_quarantine_says_where_what_why_and_since_when(ledger: Ledger) -> None:
    ledger.file("a.csv", "A1,12,2026-03-01,会", "A2,三十,2026-03-02,会")
    ledger.arrive()
    (row,) = rows_of(
        "select file_name, row_no, column_name, reason, expected, raw_value, raw_text, "
        "opened_at between now() - interval 1 hour and now() from ops.quarantine inner join ops.file using (source, file_id)"
    )
    assert row == ("a.csv", 2, "people", "wrong_type", "integer", "三十", "A2,三十,2026-03-02,会", True)


def test_a_fault_that_is_still_there_stays_open_since_it_was_first_seen(ledger: Ledger) -> None:
    ledger.file("a.csv", "A1,12,2026-03-01,会", "A2,三十,2026-03-02,会")
    ledger.arrive()
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set status = 'blocked'; update ops.quarantine set opened_at = '2026-01-01'")
    ledger.arrive()
    assert rows_of("select opened_at::date::varchar from ops.quarantine") == [("2026-01-01",)]
    assert rows_of(HISTORY) == []


def test_what_is_no_longer_wrong_goes_to_the_history_with_how_it_went(ledger: Ledger) -> None:
    """GIVEN four rows in quarantine. WHEN the declaration changes so that one fits, one is no data and one fits elsewhere not."""
    ledger.file("a.csv", "A1,30人,2026-03-01,会", "A2,x,2026-03-01,合计", "A3,y,no day,会", "A4,1,no day,会")
    ledger.arrive()
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set status = 'blocked'")
    ledger.declare(
        COLUMNS | {"people": {"header": ["人数"]}}, skip=[{"column": "topic", "values": ["合计"]}]
    )
    (report,) = ledger.arrive()
    assert (report.rows_loaded, report.rows_quarantined, report.rows_skipped) == (1, 2, 1)
    assert rows_of(HISTORY) == [
        (1, "people", "wrong_type", "30人", "repaired", "load"),
        (2, "people", "wrong_type", "x", "skipped", "load"),
        (3, "people", "wrong_type", "y", "superseded", "load"),
    ]
    assert rows_of("select row_no, column_name from ops.quarantine order by 1") == [(3, "day"), (4, "day")]
    assert "A1,30人" in rows_of("select raw_text from ops.quarantine_history where row_no = 1")[0][0]


def test_a_file_that_is_blocked_as_a_whole_supersedes_its_rows(ledger: Ledger) -> None:
    ledger.file("a.csv", "A1,x,2026-03-01,会")
    ledger.arrive()
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set status = 'blocked'")
    ledger.declare(COLUMNS | {"place": {"header": ["社区"]}})
    (report,) = ledger.arrive()
    assert report.status == "blocked"
    assert [row[4] for row in rows_of(HISTORY)] == ["superseded"]
    assert rows_of("select count(*) from ops.quarantine") == [(0,)]


def test_the_history_forgets_text_of_columns_that_are_declared_personal_later(ledger: Ledger) -> None:
    columns = COLUMNS | {"people": {"header": ["人数"], "type": "integer"}, "name": {"header": ["姓名"]}}
    ledger.declare(columns)
    ledger.file("a.csv", "A1,x,2026-03-01,会,张女士", "A2,y,2026-03-01,会,李先生", header="编号,人数,日期,主题,姓名")
    ledger.arrive()
    assert "张女士" in str(rows_of("from ops.quarantine"))
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set status = 'blocked'")
    ledger.declare(columns | {"name": PERSONAL["name"], "people": {"header": ["人数"]}})
    ledger.arrive()
    everything = str(rows_of("from ops.quarantine")) + str(rows_of("from ops.quarantine_history"))
    assert "张女士" not in everything and "李先生" not in everything
    assert [row[3] for row in rows_of(HISTORY)] == ["x", "y"]


def test_a_type_that_earlier_rows_do_not_fit_is_refused_and_named(ledger: Ledger) -> None:
    ledger.declare(COLUMNS | {"people": {"header": ["人数"]}})
    ledger.file("a.csv", "A1,x,2026-03-01,会", "A2,2,2026-03-01,会")
    ledger.arrive()
    ledger.declare(COLUMNS)
    ledger.file("b.csv", "B1,1,2026-03-01,会")
    with pytest.raises(ValueError, match="ledger, column people: expected integer as declared now, found 1 rows in ledger-00001"):
        ledger.arrive()
    assert rows_of("select people from raw.ledger order by 1") == [("2",), ("x",)]


def test_an_installation_of_before_gets_the_history_and_keeps_its_rows(home: Path) -> None:
    with warehouse.writer("test") as connection:
        connection.execute("drop table ops.layout; drop table ops.replay")
        connection.execute("drop table ops.quarantine; drop table ops.quarantine_history")
        connection.execute(
            "create table ops.quarantine (batch_id varchar, source varchar, file_id varchar, row_no bigint, column_name varchar, "
            "reason varchar, expected varchar, raw_value varchar, raw_text varchar); "
            "insert into ops.quarantine values ('b', 's', 'f', 1, 'c', 'wrong_type', 'integer', 'x', null)"
        )
    assert rows_of("select row_no, opened_at from ops.quarantine") == [(1, None)]
    assert rows_of("select count(*) from ops.quarantine_history") == [(0,)]
    assert "wrong_type" in gmw("quarantine")


def test_the_command_groups_rows_by_reason_and_says_what_to_do(ledger: Ledger) -> None:
    ledger.file("a.csv", *(f"A{number},x{number},2026-03-01,会" for number in range(1, 6)), "A6,1", "A7,1,2026-03-01,[red]会")
    ledger.file("b.csv", "B1,[/]\x1b[31m,2026-03-01,会")
    ledger.arrive()
    said = gmw("quarantine")
    assert re.search(r"ledger +│ load +│ wrong_type +│ people +│ 6 +│ 2 ", said)
    assert "a.csv row 1, expected integer, found 'x1'" in said and "x5" not in said
    assert "a.csv row 6" in said
    assert "wrong_type: a value does not fit the declared type. Do: correct the cell in seeds/correction.csv" in said
    assert "missing_columns: the row has fewer fields than the header. Do:" in said
    one = gmw("quarantine", "ledger", "--reason", "wrong_type", "--file", "b*")
    assert "found '[/]\\x1b[31m'" in one and "\x1b[31m" not in one and "a.csv" not in one
    assert gmw("quarantine", "--reason", "not_an_object") == "No row in quarantine.\n"


def test_the_command_writes_all_rows_as_csv_that_no_spreadsheet_runs(ledger: Ledger, tmp_path: Path) -> None:
    ledger.file("a.csv", "A1,=1+1,2026-03-01,会", "A2,三十,2026-03-01,会", "A3,1,2026-03-01,会")
    ledger.arrive()
    assert "2 rows written" in gmw("quarantine", "--csv", str(tmp_path / "rows.csv"))
    with (tmp_path / "rows.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["source"], row["file_name"], row["row_no"], row["reason"], row["raw_value"]) for row in rows] == [
        ("ledger", "a.csv", "1", "wrong_type", "'=1+1"), ("ledger", "a.csv", "2", "wrong_type", "三十"),
    ]


def test_rows_that_staging_refuses_are_seen_in_the_same_place(ledger: Ledger) -> None:
    ledger.file("a.csv", "A1,1,2026-03-01,会", "A2,x,2026-03-01,会")
    ledger.arrive()
    with warehouse.writer("test") as connection:
        connection.execute(
            "create schema marts; create table marts.quality_rejected_row as select 'ledger' as source, 'staging' as stage, "
            "'activity' as record, (select file_id from ops.file) as file_id, 1::bigint as row_no, 'unreadable_day' as reason, "
            "null::varchar as column_name"
        )
        connection.execute(
            "create schema intermediate; create table intermediate.int_unplaced_row as select 'ledger' as source, 'activity' as "
            "record, '银杏' as place_name, (select file_id from ops.file) as file_id, 2::bigint as row_no"
        )
    staging_quarantine.note("first")
    said = gmw("quarantine", "ledger")
    assert "unreadable_day (activity)" in said and "wrong_type" in said
    assert "a.csv row 1, found '2026-03-01'" in said
    assert "place_alias" in said and "unknown_place (activity)" in said and "a.csv row 2, found '银杏'" in said
    assert "wrong_type" not in gmw("quarantine", "--reason", "unreadable_day")
    first_seen = rows_of("select distinct opened_at from ops.staging_quarantine")
    with warehouse.writer("test") as connection:
        connection.execute(
            "create schema staging; create view staging.stg_ledger__activity as select _file_id, _row_no, null as _reject_reason "
            "from raw.ledger where _row_no = 1; update marts.quality_rejected_row set reason = 'unknown_topic'"
        )
        connection.execute("delete from intermediate.int_unplaced_row")
    staging_quarantine.note("second")
    # Refused for another fault; and the other row is in the file no more.
    assert rows_of("select row_no, reason, resolution, opened_at from ops.quarantine_history order by all") == [
        (1, "unreadable_day (activity)", "superseded", *first_seen[0]),
        (2, "unknown_place (activity)", "superseded", *first_seen[0]),
    ]
    with warehouse.writer("test") as connection:
        connection.execute("delete from marts.quality_rejected_row")
    staging_quarantine.note("third")
    assert rows_of("select reason, resolution, closed_by from ops.quarantine_history where row_no = 1 order by closed_at desc")[0] == (
        "unknown_topic (activity)", "repaired", "third"
    )
    assert rows_of("from ops.staging_quarantine") == []


def test_an_unknown_source_is_answered_with_what_is_known(ledger: Ledger) -> None:
    ledger.file("a.csv", "A1,1,2026-03-01,会")
    ledger.arrive()
    result = CliRunner().invoke(app, ["quarantine", "legder"])
    assert "no source is called 'legder'; declared are: ledger" in str(result.exception)


def test_quarantine_is_one_list_of_reasons() -> None:
    assert quarantine.REASONS is REASONS
