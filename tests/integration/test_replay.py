"""Replay: what the declaration or a correction repairs leaves quarantine, with its history, and nothing gets worse unasked."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from expectations import gate, mart_suite, runner
from exports.explain import raw_texts
from ingest import warehouse
from ingest.build import build
from ingest.cli import app
from ingest.declaration import declaration
from ingest.replay import Replayed, plan, replay, try_out
from ingest.settings import settings
from tests.conftest import PROJECT, rows_of
from tests.unit.ledger_project import COLUMNS, PERSONAL, Ledger, ledger  # noqa: F401 (a fixture)

ROWS = ("A1,12,2026-03-01,会", "A2,三十,2026-03-02,会", "A3,五,三月三,会")
AS_TEXT = COLUMNS | {"people": {"header": ["人数"]}}
THIRTY = {"file": "a.csv", "row_no": 2, "column_name": "people", "found_value": "三十", "corrected_value": "30"}
QUARANTINE = "select row_no, column_name from ops.quarantine order by all"
HISTORY = "select row_no, column_name, resolution, closed_by from ops.quarantine_history order by all"
STATUS = "select status from ops.batch order by batch_no"


@pytest.fixture
def loaded(ledger: Ledger) -> Ledger:
    """GIVEN an accepted file of three rows, of which two are in quarantine."""
    ledger.file("a.csv", *ROWS)
    ledger.arrive_and_be_gated()
    assert rows_of(QUARANTINE) == [(2, "people"), (3, "people")]
    assert rows_of(STATUS) == [("accepted",)]
    return ledger


def outcomes(results: list[Replayed]) -> list[str]:
    return [result.outcome for result in results]


def gmw(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    assert result.exit_code == exit_code, result.output + str(result.exception)
    return result.output


def warnings_of_corrections() -> dict[str, str]:
    """Expectation on corrections that fails → what it found, as the marts gate says it."""
    with warehouse.writer("test") as connection:
        connection.execute("create schema if not exists seeds")
        connection.execute(
            "create or replace table seeds.correction as from read_csv($1, auto_detect = false, header = true, columns = "
            "{correction_id: varchar, source: varchar, file: varchar, row_no: bigint, key_column: varchar, key_value: varchar, "
            "column_name: varchar, found_value: varchar, corrected_value: varchar, reason: varchar, corrected_by: varchar, "
            "corrected_on: date})",
            [str(settings().dbt_project / "seeds" / "correction.csv")],
        )
        suite, query = next(mart_suite.mart_suites(connection))
        with runner.data_source(connection) as data_source:
            results = runner.run_suite(connection, data_source, suite, query)
    return {
        result.expectation: result.message
        for result in results
        if not result.success and result.severity == "warning" and "correction" in result.expectation
    }


def test_a_mended_declaration_repairs_rows_and_the_history_says_so(loaded: Ledger) -> None:
    loaded.declare(AS_TEXT)
    trial = try_out(plan()[0])
    assert ([row.row_no for row in trial.leave], [row.row_no for row in trial.stay], trial.changed) == ([2], [3], 1)
    assert [row.column_name for row in trial.stay] == ["day"]
    assert rows_of(QUARANTINE) == [(2, "people"), (3, "people")]

    (result,) = replay(plan(), why="people write numbers as words")
    assert (result.outcome, result.status) == ("replayed", "accepted")
    assert rows_of("select entry_no, people, _row_no from raw.ledger order by _row_no") == [("A1", "12", 1), ("A2", "三十", 2)]
    assert rows_of(QUARANTINE) == [(3, "day")]
    assert rows_of(HISTORY) == [(2, "people", "repaired", "replay-00001"), (3, "people", "superseded", "replay-00001")]
    assert rows_of("select opened_at <= closed_at from ops.quarantine_history") == [(True,), (True,)]
    ((who, why, *counts, finished),) = rows_of(
        "select replayed_by, why, rows_loaded_before, rows_loaded_after, rows_quarantined_before, rows_quarantined_after, "
        "rows_changed, status_before, status_after, finished_at >= started_at from ops.replay"
    )
    assert who and why == "people write numbers as words"
    assert (counts, finished) == ([1, 2, 2, 1, 1, "accepted", "accepted"], True)


def test_a_correction_repairs_its_row_and_is_the_cause(loaded: Ledger) -> None:
    loaded.correct(THIRTY)
    (batch,) = plan()
    assert try_out(batch).corrected == ["C1"]
    assert outcomes(replay([batch])) == ["replayed"]
    assert rows_of("select entry_no, people from raw.ledger order by all") == [("A1", 12), ("A2", 30)]
    assert rows_of(HISTORY) == [(2, "people", "repaired", "replay-00001")]
    assert rows_of("select why from ops.replay") == [("corrections C1",)]
    said = gmw("quarantine", "--history")
    assert "repaired" in said and "corrections C1" in said and "'三十'" in said


def test_a_correction_of_a_loaded_row_is_due_until_it_is_replayed_and_one_taken_away_is_undone(ledger: Ledger) -> None:
    ledger.file("a.csv", "A1,12,2026-03-01,会")
    ledger.arrive_and_be_gated()
    assert plan() == []
    ledger.correct({"file": "a.csv", "row_no": 1, "column_name": "people", "found_value": "12", "corrected_value": "21"})
    assert outcomes(replay(plan())) == ["replayed"]
    assert rows_of("select people from raw.ledger") == [(21,)]
    assert plan() == []
    ledger.correct()
    assert outcomes(replay(plan())) == ["replayed"]
    assert rows_of("select people from raw.ledger") == [(12,)]
    assert rows_of("select count(*) from ops.correction_outcome") == [(0,)]


def test_a_replay_of_what_did_not_change_is_no_replay(loaded: Ledger) -> None:
    before = rows_of("select _loaded_at from raw.ledger"), rows_of("select loaded_at, gated_at from ops.batch")
    assert outcomes(replay(plan())) == ["unchanged"]
    assert outcomes(replay(plan(["ledger-00001"]))) == ["unchanged"]
    assert (rows_of("select _loaded_at from raw.ledger"), rows_of("select loaded_at, gated_at from ops.batch")) == before
    assert rows_of("select count(*) from ops.replay") == [(0,)]
    assert "nothing changes, 2 rows stay in quarantine" in gmw("replay")


def test_an_accepted_batch_is_not_made_worse_unasked(loaded: Ledger) -> None:
    loaded.declare(COLUMNS | {"topic": {"header": ["主题"], "type": "integer"}})
    with warehouse.writer("test") as connection:  # the column takes the new type where nothing in it speaks against it
        connection.execute("update raw.ledger set topic = null")
    said = gmw("replay", "ledger", exit_code=1)
    assert "WORSE than it is" in said and "left as it is: accepted, and a replay would make it worse" in said
    assert "enters: row 1, column topic: wrong_type, expected integer, found '会'" in said
    assert rows_of(STATUS) == [("accepted",)]
    assert rows_of("select count(*) from raw.ledger") == [(1,)]
    assert rows_of("select count(*) from ops.replay") == [(0,)]
    loaded.declare(COLUMNS | {"topic": {"header": ["主题"], "type": "integer"}, "day": {"header": ["日期"]}})
    loaded.correct(THIRTY, {**THIRTY, "row_no": 3, "found_value": "五", "corrected_value": "5"})
    gmw("replay", "ledger", "--accept-worse")
    assert rows_of(QUARANTINE) == [(1, "topic"), (2, "topic"), (3, "topic")]


def test_a_batch_that_the_gate_would_block_is_not_replayed_unasked(loaded: Ledger) -> None:
    loaded.declare(AS_TEXT | {"topic": {"header": ["主题"], "values": ["节"], "severity": "critical"}})
    (result,) = replay(plan())
    assert (result.outcome, result.trial.status) == ("refused", "blocked")
    assert "topic_has_known_values" in result.trial.message
    assert rows_of(STATUS) == [("accepted",)]
    (result,) = replay(plan(), accept_worse=True)
    assert (result.outcome, result.status) == ("replayed", "blocked")


@pytest.mark.parametrize("limit", [{"max_quarantined_rows": 1}, {"max_quarantined_share": 0.5}])
def test_a_file_over_its_limit_is_blocked_until_it_is_mended_and_replayed(ledger: Ledger, limit: dict) -> None:
    ledger.declare(**limit)
    ledger.file("a.csv", *ROWS)
    ledger.arrive_and_be_gated()
    ((status, message),) = rows_of("select status, message from ops.batch")
    assert status == "blocked"
    assert "found: 2 rows that break it" in message and "rows=2 of 3, first_rows=2, 3" in message
    assert "`gmw replay ledger-00001`" in message
    used = "select count(*) from ops.batch inner join raw.ledger on _batch_id = batch_id where status = 'accepted'"
    assert rows_of(used) == [(0,)]
    assert outcomes(replay(plan())) == ["unchanged"]
    ledger.correct(THIRTY)
    assert outcomes(replay(plan())) == ["replayed"]
    assert rows_of(STATUS) == [("accepted",)]


def test_purged_bytes_cannot_be_replayed_and_that_is_said(loaded: Ledger) -> None:
    with warehouse.writer("test") as connection:
        connection.execute("update ops.file set purged_at = '2026-11-01'")
    loaded.declare(AS_TEXT)
    assert plan() == []
    said = gmw("replay", "ledger-00001", exit_code=1)
    assert "expected the landed bytes of a.csv, found that they were purged on 2026-11-01" in said
    with warehouse.writer("test") as connection:
        connection.execute("update ops.file set purged_at = null")
        (path,) = connection.execute("select landed_path from ops.file").fetchone()
    (settings().landing / path).unlink()
    assert "found no file; put it back from a backup" in gmw("replay", "ledger", exit_code=1)
    assert rows_of(QUARANTINE) == [(2, "people"), (3, "people")]


def test_a_dry_run_changes_nothing(loaded: Ledger) -> None:
    loaded.declare(AS_TEXT)
    said = gmw("replay", "--dry-run")
    assert "loaded 1 → 2, quarantined 2 → 1 (1 leave, 0 enter, 1 stay), 1 loaded rows new or other" in said
    assert "leaves: row 2, column people: wrong_type, expected integer, found '三十'" in said
    assert "nothing was changed" in said
    assert rows_of(QUARANTINE) == [(2, "people"), (3, "people")]
    assert rows_of("select column_type from (describe raw.ledger) where column_name = 'people'") == [("INTEGER",)]
    assert rows_of("select count(*) from ops.replay") == [(0,)]


def test_what_is_not_there_cannot_be_replayed(loaded: Ledger) -> None:
    with pytest.raises(LookupError, match="expected declared sources or batch ids, found ledger-9"):
        plan(["ledger-9"])


def test_one_batch_of_several_is_replayed_alone(loaded: Ledger) -> None:
    loaded.file("b.csv", *ROWS, "B,1,2026-01-01,会")
    loaded.arrive_and_be_gated()
    loaded.declare(AS_TEXT)
    assert [batch.batch_id for batch in plan(["ledger-00002"])] == ["ledger-00002"]
    replay(plan(["ledger-00002"]))
    assert rows_of("select batch_id, count(*) from ops.quarantine group by all order by all") == [
        ("ledger-00001", 2), ("ledger-00002", 1),
    ]  # fmt: skip


def test_a_replay_that_fails_half_way_leaves_the_batch_as_it_was(loaded: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded.declare(AS_TEXT)
    trial = try_out(plan()[0])
    monkeypatch.setattr("ingest.replay.try_out", lambda batch: trial)

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("ingest.quarantine.close", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replay(plan())
    assert rows_of(QUARANTINE) == [(2, "people"), (3, "people")]
    assert rows_of(HISTORY) == []
    assert rows_of("select entry_no from raw.ledger") == [("A1",)]
    assert rows_of("select finished_at from ops.replay") == [(None,)]


def test_an_outdated_correction_fails_its_expectation(loaded: Ledger) -> None:
    loaded.correct(THIRTY)
    assert "a.csv was loaded without it" in warnings_of_corrections()["every_correction_is_applied"]
    replay(plan())
    assert warnings_of_corrections() == {}
    loaded.correct(THIRTY, {**THIRTY, "row_no": 3, "found_value": "5", "corrected_value": "6"}, {**THIRTY, "row_no": 9})
    replay(plan())
    message = warnings_of_corrections()["no_correction_is_outdated"]
    assert "correction_id=C2, source=ledger, file_name=a.csv, row 3, column_name=people, found=holds another value" in message
    assert "correction_id=C3, source=ledger, file_name=a.csv, row 9, column_name=people, found=no such row" in message
    assert "correction_id=C1" not in message


def test_a_correction_that_the_producer_has_taken_up_is_outdated_from_the_newest_file_on(ledger: Ledger) -> None:
    keyed = {"key_column": "entry_no", "key_value": "A2", "column_name": "people", "found_value": "三十", "corrected_value": "30"}
    ledger.correct({**keyed, "file": "*.csv"})
    ledger.file("a.csv", "A2,三十,2026-03-02,会")
    ledger.arrive_and_be_gated()
    ledger.file("b.csv", "A9,1,2026-03-02,会")
    ledger.arrive_and_be_gated()
    assert warnings_of_corrections() == {}
    ledger.file("c.csv", "A2,30,2026-03-02,会")
    ledger.arrive_and_be_gated()
    assert "file_name=c.csv, row 1, column_name=people, found=holds another value" in (
        warnings_of_corrections()["no_correction_is_outdated"]
    )
    ledger.correct({**keyed, "file": "a.csv"})
    replay(plan())
    assert warnings_of_corrections() == {}


@pytest.mark.parametrize(("day", "fails"), [("2026-01-01", True), ("2999-01-01", False)])
def test_a_correction_whose_file_never_arrives_fails_its_expectation(loaded: Ledger, day: str, fails: bool) -> None:
    loaded.correct({**THIRTY, "file": "z.csv", "corrected_on": day})
    assert warnings_of_corrections().get("every_correction_is_applied", "").count("file=z.csv, found=no such file") == fails


def test_a_corrected_row_is_shown_with_its_correction(loaded: Ledger) -> None:
    loaded.correct(THIRTY)
    replay(plan())
    ((file_id,),) = rows_of("select file_id from ops.file")
    with warehouse.reader() as connection:
        texts = raw_texts(connection, [{"source": "ledger", "file_id": file_id, "row_no": row_no} for row_no in (1, 2)])
    assert texts["ledger", file_id, 2].endswith("主题: 会 · (corrected by C1: 人数: 三十 → 30)")
    assert "corrected" not in texts["ledger", file_id, 1]


def test_no_personal_text_is_kept_by_a_replay(ledger: Ledger) -> None:
    header = "编号,人数,日期,主题,姓名,备注"
    ledger.declare(COLUMNS | PERSONAL)
    ledger.file("a.csv", "A1,三十,2026-03-01,会,张女士,请回电19900001234", "A2,二,2026-03-01,会,李先生,", header=header)
    ledger.arrive()
    gate.gate_raw("ledger", "first")
    ledger.correct({**THIRTY, "row_no": 1})
    assert outcomes(replay(plan(), accept_worse=True)) == ["replayed"]
    said = gmw("quarantine", "--history") + gmw("quarantine")
    with warehouse.reader() as connection:
        tables = connection.execute("select schema_name || '.' || table_name from duckdb_tables() where not temporary").fetchall()
        said += "".join(str(connection.execute(f"from {table}").fetchall()) for (table,) in tables)
    assert "请回电[phone]" in said
    assert not [word for word in ("张女士", "李先生", "19900001234") if word in said]


def test_the_next_build_uses_what_was_replayed(ledger: Ledger) -> None:
    """GIVEN a staging model. WHEN a blocked file is corrected and replayed. THEN only the build after it has its rows."""
    ledger.stage("select entry_no, people from {{ delivered_rows('ledger') }}")
    ledger.declare(max_quarantined_rows=1)
    ledger.file("a.csv", *ROWS)
    ledger.arrive_and_be_gated()
    build("before", echo=lambda line: None)
    entries = "select entry_no, people from staging.stg_ledger__activity order by all"
    assert rows_of(entries) == []
    ledger.correct(THIRTY)
    replay(plan())
    assert rows_of(entries) == []
    build("after", echo=lambda line: None)
    assert rows_of(entries) == [("A1", 12), ("A2", 30)]
    assert rows_of("select correction_id, corrected_value from seeds.correction") == [("C1", "30")]


def test_the_runbook_leads_from_a_blocked_file_to_an_accepted_one(
    home: Path, drop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIVEN the project, and the file of the page. WHEN its commands are given. THEN they say what the page says."""
    shutil.copytree(PROJECT / "dbt_project", tmp_path / "project" / "dbt_project", ignore=shutil.ignore_patterns("target"))
    monkeypatch.setattr("ingest.settings.__file__", str(tmp_path / "project" / "ingest" / "settings.py"))
    headers = [column.headers[0] for column in declaration("survey_register").columns]
    cells = {"调查编号": "DC-2026-07", "开始日期": "2026-03-01", "结束日期": "2026-03-31", "发出": "约300"}
    rows = [{**cells, "答卷号": number} for number in (1, 2, 3)] + [{**cells, "调查编号": "DC-2026-08", "发出": 40, "答卷号": 1}]
    (drop / "survey_register").mkdir()
    with (drop / "survey_register" / "调查台账_2026-03.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, headers)
        writer.writeheader()
        writer.writerows(rows)
    gmw("land", "survey_register")
    gmw("load", "survey_register")
    gmw("gate", "raw", "survey_register", exit_code=1)

    page = (PROJECT / "docs" / "runbooks" / "quarantine.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(console|csv)\n(.*?)```", page, re.DOTALL)
    assert [kind for kind, _ in blocks] == ["console", "console", "csv", "console", "console"]
    for kind, block in blocks:
        if kind == "csv":
            (tmp_path / "project" / "dbt_project" / "seeds" / "correction.csv").write_text(block, encoding="utf-8")
            continue
        for command in re.split(r"^\$ gmw ", block, flags=re.MULTILINE)[1:]:
            arguments, *expected = command.strip("\n").split("\n")
            said = " ".join(gmw(*shlex.split(arguments)).split())
            for line in expected:
                pattern = ".*".join(r"\s".join(map(re.escape, part.split())) for part in line.split("…"))
                assert re.search(pattern, said), f"gmw {arguments}: expected {line}, found {said}"


def test_a_header_that_is_declared_as_another_name_of_its_column_lets_the_file_in(ledger: Ledger) -> None:
    ledger.file("a.csv", "A1,12,2026-03-01,会", header="编号,参加人数,日期,主题")
    ledger.arrive_and_be_gated()
    assert rows_of(STATUS) == [("blocked",)]
    assert outcomes(replay(plan())) == ["unchanged"]
    ledger.declare(COLUMNS | {"people": {"header": ["人数", "参加人数"], "type": "integer"}})
    assert outcomes(replay(plan())) == ["replayed"]
    assert rows_of(STATUS) == [("accepted",)]
    assert rows_of("select people from raw.ledger") == [(12,)]
