"""Restatement: what a new version changes of the figures published before, and nothing else, once, with its cause."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from exports import export, publication, version_folder, versions
from ingest import cli, warehouse
from tests.integration.test_publication import build_toy, gate, kpi_rows, query

KEY = "metric_code = 'P01' and place_key = 'qinghe/cuiyuan' and period_type = 'month' and period_start = date '2026-03-01'"
RESTATED = "select period_type, count(*) from kpi_restatement where metric_code = 'P01' group by all order by all"
TOLD = "select version, compared_with, old_value, new_value from kpi_restatement order by version"
FACT = """create or replace table marts.fct_activity (activity_key varchar, place_key varchar, activity_date date, is_held boolean,
    as_of_date date, source varchar, file_id varchar, row_no bigint)"""


def publish(run_id: str, *changes: str, more: int = 0) -> Path:
    """A toy build, changed by SQL before its gate, and published."""
    build_toy(run_id, more=more, gated=False)
    change(*changes)
    gate(run_id)
    return publication.publish(run_id)


def change(*statements: str) -> None:
    with warehouse.writer(purpose="toy change") as connection:
        for statement in statements:
            connection.execute(statement)


def add(value: float, where: str = KEY) -> str:
    return f"update kpis.kpi_value set value = value + {value}, numerator = numerator + {value}, n = n + {value} where {where}"


def history(home: Path, version: Path) -> str:
    return f"'{home / 'published' / 'history' / version.name / 'history.parquet'}'"


def test_a_first_version_restates_nothing_and_its_figures_are_kept(home):
    first = publish("run-1")
    assert query(home, "select count(*) from kpi_restatement") == [(0,)]
    assert query(home, f"select count(*), count(old_value) from {history(home, first)}") == [(len(kpi_rows("run-1")), 0)]
    assert query(home, "select compared_with from publication") == [(None,)]


def test_a_version_with_the_same_figures_restates_nothing(home):
    first = publish("run-1")
    second = publish("run-2")
    assert query(home, "select count(*) from kpi_restatement") == [(0,)]
    assert query(home, f"select count(*) from {history(home, second)}") == [(0,)]
    assert query(home, "select compared_with from publication") == [(first.name,)]


def test_a_change_of_a_closed_period_is_a_restatement_and_the_growth_of_an_open_one_is_not(home):
    publish("run-1")
    second = publish("run-2", more=3)
    closed_months, closed_quarters, places = 22, 7, 4
    assert query(home, RESTATED) == [("month", closed_months * places), ("quarter", closed_quarters * places), ("year", places)]
    grown = f"select distinct period_type, period_start from {history(home, second)} where kind = 'period_open' order by all"
    assert query(home, grown) == [
        ("all", date(2025, 1, 1)), ("quarter", date(2026, 10, 1)), ("year", date(2026, 1, 1)),
    ]  # fmt: skip
    step = f"select old_value, new_value, difference, relative_difference, change from kpi_restatement where {KEY}"
    assert query(home, step) == [(4, 7, 3, 0.75, "changed")]


def test_a_figure_marked_partial_that_is_complete_now_has_grown(home):
    until = "update kpis.kpi_value set as_of = date '{}' where " + KEY
    publish("run-1", until.format("2026-03-20"))
    second = publish("run-2", add(2), until.format("2026-10-31"))
    assert query(home, "select count(*) from kpi_restatement") == [(0,)]
    assert query(home, f"select kind from {history(home, second)}") == [("period_open",)]
    publish("run-3", add(3), until.format("2026-10-31"))
    assert query(home, "select old_value, new_value from kpi_restatement") == [(6, 7)]


@pytest.mark.parametrize(("factor", "restated"), [("(1 + 4e-16)", 0), ("(1 - 4e-16)", 0), ("(1 + 1e-10)", 1)])
def test_only_the_noise_of_floating_point_is_forgiven(home, factor, restated):
    money = KEY.replace("P01", "F01.raised")
    publish("run-1")
    publish("run-2", f"update kpis.kpi_value set value = value * {factor} where {money}")
    assert query(home, "select count(*) from kpi_restatement") == [(restated,)]


def test_a_figure_that_comes_or_goes_in_a_closed_period_is_a_restatement(home):
    publish("run-1", f"delete from kpis.kpi_value where {KEY}")
    publish("run-2", f"delete from kpis.kpi_value where {KEY.replace('2026-03', '2026-04')}")
    assert query(home, "select change, old_value, new_value, difference from kpi_restatement order by all") == [
        ("appeared", None, 4, 4), ("disappeared", 4, None, -4),
    ]  # fmt: skip


def test_a_new_metric_restates_nothing(home):
    publish("run-1", *(f"delete from kpis.{table} where metric_code = 'R02'" for table in ("kpi_value", "kpi_catalogue")))
    publish("run-2")
    assert query(home, "select count(*) from kpi_restatement") == [(0,)]


def test_a_restatement_is_carried_into_the_versions_after_it(home):
    first = publish("run-1")
    second = publish("run-2", add(3))
    third = publish("run-3", add(5))
    assert query(home, TOLD) == [
        (second.name, first.name, 4, 7), (third.name, second.name, 7, 9),
    ]  # fmt: skip


@pytest.mark.parametrize("moment", ["rename", "replace", "link"])
def test_a_kill_at_any_moment_of_the_publication_leaves_one_restatement_and_no_second(home, moment):
    first = publish("run-1")
    build_toy("run-2", gated=False)
    change(add(3))
    gate("run-2")
    killed = subprocess.run(
        [sys.executable, "-c", f"import os, signal\nos.{moment} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
         "from exports.publication import publish\npublish('run-2')"],
        cwd=Path(publication.__file__).parents[1], env={**os.environ, "GMW_HOME": str(home)},
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    second = publication.publish("run-2")
    assert query(home, TOLD) == [(second.name, first.name, 4, 7)]
    assert {path.name for path in (home / "published" / "history").iterdir()} == {first.name, second.name}


def test_a_version_that_nobody_saw_is_not_compared_with(home):
    first = publish("run-1")
    publish("run-2", add(3))
    version_folder.switch(home / "published", first.name)  # as a kill before the switch leaves it
    third = publish("run-3", add(5))
    assert query(home, TOLD) == [(third.name, first.name, 4, 9)]


def test_after_a_rollback_the_next_version_is_compared_with_what_people_see(home):
    first = publish("run-1")
    publish("run-2", add(3))
    versions.rollback(first.name)
    third = publish("run-3", add(5))
    versions.rollback(third.name)  # until then the rollback holds
    assert query(home, TOLD) == [(third.name, first.name, 4, 9)]


def test_publishing_the_same_run_again_restates_nothing_a_second_time(home):
    publish("run-1")
    second = publish("run-2", add(3))
    assert publication.publish("run-2") == second
    assert query(home, "select count(*) from kpi_restatement") == [(1,)]


def test_a_current_version_that_is_damaged_is_not_compared_with(home):
    first = publish("run-1")
    second = publish("run-2", add(3))
    (second / "marts.duckdb").unlink()
    publish("run-3", add(5))
    assert query(home, "select compared_with, old_value, new_value from kpi_restatement") == [(first.name, 4, 9)]


def test_the_history_outlives_the_versions_that_are_deleted(home, monkeypatch):
    monkeypatch.setenv("GMW_KEEP_VERSIONS", "2")
    monkeypatch.setenv("GMW_KEEP_HOURS", "0")
    first = publish("run-1")
    second = publish("run-2", add(3))
    publish("run-3", add(3))
    assert not first.exists() and second.exists()
    assert query(home, f"select new_value from {history(home, first)} where {KEY}") == [(4,)]
    assert query(home, f"select old_value, new_value from {history(home, second)}") == [(4, 7)]
    assert (home / "published" / "history" / first.name / "manifest.json").is_file()


def test_the_figures_of_a_version_of_before_there_was_a_history_are_kept(home):
    first = publish("run-1")
    (first / "history.parquet").unlink()
    (home / "published" / "history" / first.name / "history.parquet").unlink()
    (home / "published" / "history" / first.name / "manifest.json").unlink()
    (home / "published" / "history" / first.name).rmdir()
    publication.history.keep(home / "published")
    whole = home / "published" / "history" / first.name / "kpi_value.parquet"
    assert query(home, f"select value from '{whole}' where {KEY}") == [(4,)]


@pytest.mark.parametrize("hidden_in", ["run-1", "run-2"])
def test_what_one_of_the_two_versions_hides_is_not_told_by_the_restatement(home, hidden_in):
    nothing = "value = null, numerator = null, denominator = null, n = null"
    hide = (f"update kpis.kpi_value set {nothing}, status = 'suppressed' where {KEY}",)
    publish("run-1", *(hide if hidden_in == "run-1" else ()))
    publish("run-2", add(7), *(hide if hidden_in == "run-2" else ()))
    rows = query(home, "select * exclude (version, compared_with, published_at) from kpi_restatement")
    assert query(home, "select is_hidden, main_cause, old_status, new_status from kpi_restatement") == [
        (True, "suppression", *(("suppressed", "ok") if hidden_in == "run-1" else ("ok", "suppressed")))
    ]
    assert len(rows) == 1 and not {4, 7, 11} & set(rows[0])


PEOPLE = "update kpis.kpi_catalogue set counts_people = true where metric_code = 'P01'"


def place(key: str) -> str:
    return KEY.replace("qinghe/cuiyuan", key)


def test_a_difference_of_few_people_is_not_shown_nor_those_from_which_it_would_follow(home):
    publish("run-1", PEOPLE)
    publish("run-2", PEOPLE, add(2), add(9, place("qinghe/hebin")), add(11, place("qinghe")))
    assert query(home, "select place_key, is_hidden, old_value, new_value, difference from kpi_restatement order by 1") == [
        ("qinghe", False, 9, 20, 11), ("qinghe/cuiyuan", True, None, None, None), ("qinghe/hebin", True, None, None, None),
    ]  # fmt: skip


def test_where_the_top_differs_by_few_people_no_difference_is_shown(home):
    publish("run-1", PEOPLE)
    publish("run-2", PEOPLE, add(3), add(3, place("qinghe")), add(40, place("qinghe").replace("2026-03", "2026-04")))
    assert query(home, "select bool_and(is_hidden), count(*), count(new_value) from kpi_restatement") == [(True, 3, 0)]


def test_differences_of_many_people_and_of_what_are_no_people_are_shown(home):
    publish("run-1", PEOPLE)
    publish("run-2", PEOPLE, add(5), add(1, KEY.replace("P01", "F01.raised")))
    assert query(home, "select metric_code, is_hidden, difference from kpi_restatement order by 1") == [
        ("F01.raised", False, 1), ("P01", False, 5),
    ]  # fmt: skip


@pytest.mark.parametrize("hidden_by", ["few people", "suppression"])
def test_a_figure_whose_restatement_is_hidden_is_not_told_by_the_ones_before(home, hidden_by):
    publish("run-1", PEOPLE)
    publish("run-2", PEOPLE, add(9))
    assert query(home, "select old_value, new_value from kpi_restatement") == [(4, 13)]
    hide = f"update kpis.kpi_value set value = null, numerator = null, n = null, status = 'suppressed' where {KEY}"
    publish("run-3", PEOPLE, add(9), add(2) if hidden_by == "few people" else hide)
    rows = query(home, "select old_value, new_value, difference, old_n, new_numerator, is_hidden from kpi_restatement")
    assert rows == [(None, None, None, None, None, True)] * 2


def test_a_figure_that_is_hidden_now_is_not_told_by_its_restatements(home):
    partial = f"update kpis.kpi_value set as_of = date '2026-03-20' where {KEY}"
    publish("run-1", PEOPLE, partial)
    publish("run-2", PEOPLE, partial, add(9))
    assert query(home, "select old_value, new_value from kpi_restatement") == [(4, 13)]
    nothing = "value = null, numerator = null, n = null"
    publish("run-3", PEOPLE, f"update kpis.kpi_value set {nothing}, status = 'suppressed' where {KEY}")
    assert query(home, "select old_value, new_value, is_hidden from kpi_restatement") == [(None, None, True)]


def facts(*rows: tuple[str, str, str, bool, str]) -> list[str]:
    """Activities: number, place, day, whether held, file."""
    values = ", ".join(
        f"('{number}', '{where}', date '{day}', {held}, date '2026-10-31', 'issue_ledger', '{file}', {number})"
        for number, where, day, held, file in rows
    )
    return [FACT, f"insert into marts.fct_activity values {values}"]


def batch(name: str, status: str = "accepted") -> list[str]:
    return [
        f"insert into ops.file (file_id, source, file_name) values ('{name}', 'issue_ledger', '{name}.csv')",
        f"insert into ops.batch (batch_id, batch_no, source, file_id, status, loaded_at, gated_at) "
        f"values ('batch {name}', {ord(name[0])}, 'issue_ledger', '{name}', '{status}', now(), now())",
    ]


OLD = [("1", "qinghe/cuiyuan", "2026-03-05", True, "a"), ("2", "qinghe/cuiyuan", "2026-03-06", True, "a")]
CAUSE = """select main_cause, causes, list(cause || ' ' || file_name || ' ' || changed_rows order by 1)
    from kpi_restatement left join kpi_restatement_cause using (version, cause_no) group by all"""


def test_rows_of_a_batch_that_was_not_there_before_are_late_rows(home):
    publish("run-1", *batch("a"), *facts(*OLD))
    late = ("3", "qinghe/cuiyuan/xingfu", "2026-03-31", True, "b")
    elsewhere = [
        ("4", "qinghe/hebin", "2026-03-31", True, "b"), ("5", "qinghe/cuiyuan", "2026-04-01", True, "b"),
        ("6", "qinghe/cuiyuan", "2026-02-28", True, "b"),
    ]  # fmt: skip
    publish("run-2", *batch("a"), *batch("b"), *facts(*OLD, late, *elsewhere), add(1))
    assert query(home, CAUSE) == [("late_rows", "late_rows", ["late_rows b.csv 1"])]


def test_a_row_that_a_later_file_tells_otherwise_is_late_too(home):
    publish("run-1", *batch("a"), *facts(*OLD))
    publish("run-2", *batch("a"), *batch("b"), *facts(OLD[0], ("2", "qinghe/cuiyuan", "2026-03-06", False, "b")), add(-1))
    assert query(home, CAUSE) == [("late_rows", "late_rows", ["late_rows b.csv 1"])]


def test_a_row_that_is_gone_with_a_later_file_is_put_down_to_it(home):
    publish("run-1", *batch("a"), *facts(*OLD))
    publish("run-2", *batch("a"), *batch("b"), *facts(OLD[0]), add(-1))
    assert query(home, CAUSE) == [("late_rows", "late_rows", ["late_rows b.csv 1"])]


def test_the_same_rows_in_a_later_file_are_no_cause(home):
    publish("run-1", *batch("a"), *facts(*OLD))
    publish("run-2", *batch("a"), *batch("b"), *facts(*((*row[:4], "b") for row in OLD)), add(1))
    assert query(home, "select main_cause from kpi_restatement") == [("unexplained",)]


PERSONS = """create or replace table marts.fct_participation (participation_key varchar, place_key varchar,
    participation_date date, person_key varchar, as_of_date date, source varchar, file_id varchar, row_no bigint)"""
ATTENDANCE = KEY.replace("P01", "P05")


def attended(secret: str, *rows: tuple[str, str]) -> list[str]:
    values = ", ".join(
        f"('{number}', 'qinghe/cuiyuan', date '2026-03-05', '{secret}.{number}', date '2026-10-31', 'issue_ledger', "
        f"'{file}', {number})"
        for number, file in rows
    )
    return [PERSONS, f"insert into marts.fct_participation values {values}"]


def test_how_many_rows_of_persons_came_late_is_not_told(home):
    publish("run-1", *batch("a"), *attended("secret_1", ("1", "a")))
    publish("run-2", *batch("a"), *batch("b"), *attended("secret_1", ("1", "a"), ("2", "b")), add(1, ATTENDANCE))
    assert query(home, CAUSE) == [("late_rows", "late_rows", [None])]
    assert query(home, "select record, file_name, changed_rows from kpi_restatement_cause") == [("participation", "b.csv", None)]


def test_new_keys_of_the_same_persons_are_no_cause(home):
    publish("run-1", *batch("a"), *attended("secret_1", ("1", "a")))
    publish("run-2", *batch("a"), *attended("secret_2", ("1", "a")), add(1, ATTENDANCE))
    assert query(home, "select main_cause from kpi_restatement") == [("unexplained",)]
    publish("run-3", *batch("a"), *attended("secret_2", ("3", "a")), add(2, ATTENDANCE))
    assert query(home, "select main_cause from kpi_restatement order by version desc limit 1") == [("late_rows",)]


OTHER_CODE = "update ops.run set code_version = 'v10' where run_id = 'run-2'"
REPLAYED = "insert into ops.replay (replay_id, batch_id, started_at, finished_at) values ('replay-00001', 'batch a', now(), now())"
CORRECTED = """insert into ops.correction_outcome (batch_id, correction_id, row_no, column_name, outcome, loaded_at)
    values ('batch a', 'C1', {}, 'state', 'applied', now())"""


def test_rows_that_a_replay_changed_are_told_from_rows_that_a_correction_changed(home):
    publish("run-1", *batch("a"), *facts(*OLD, ("3", "qinghe/cuiyuan", "2026-03-07", True, "a")))
    now = [(*row[:3], False, "a") for row in OLD]
    publish("run-2", *batch("a"), REPLAYED, CORRECTED.format(1), *facts(*now), add(-3))
    assert query(home, CAUSE) == [("replay", "replay|correction", ["correction a.csv 1", "replay a.csv 2"])]


def test_a_correction_that_was_there_before_is_no_cause(home):
    loaded, corrected = (
        [line.replace("now()", "timestamptz '2026-01-01'") for line in lines] for lines in (batch("a"), [CORRECTED.format(1)])
    )
    publish("run-1", *loaded, *corrected, *facts(*OLD))
    publish("run-2", *loaded, OTHER_CODE, *facts((*OLD[0][:3], False, "a"), OLD[1]), add(-1))
    assert query(home, "select main_cause from kpi_restatement") == [("code",)]


def test_where_only_the_code_is_another_one_it_is_the_cause(home):
    publish("run-1", *batch("a"), *facts(*OLD))
    publish("run-2", OTHER_CODE, *batch("a"), *facts(*OLD), add(1))
    assert query(home, "select main_cause, causes, old_code_version, new_code_version from kpi_restatement") == [
        ("code", "code", "v9.9", "v10")
    ]


def test_a_definition_that_changed_without_a_new_version_is_a_new_definition(home):
    publish("run-1")
    publish("run-2", "update kpis.kpi_catalogue set formula = 'another one' where metric_code = 'P01'", add(1))
    assert query(home, "select main_cause from kpi_restatement") == [("definition",)]


def test_a_transfer_restates_both_towns_and_not_the_district(home):
    fact = facts(("1", "qinghe/cuiyuan/xingfu", "2026-03-05", True, "a"))
    publish("run-1", *batch("a"), *fact)
    moved = "update marts.dim_place set parent_place_key = 'qinghe/hebin' where place_key = 'qinghe/cuiyuan/xingfu'"
    publish("run-2", *batch("a"), *fact, moved, add(-1), add(1, place("qinghe/hebin")), add(1, place("qinghe")))
    assert query(home, "select place_key, main_cause from kpi_restatement order by 1") == [
        ("qinghe", "unexplained"), ("qinghe/cuiyuan", "place_change"), ("qinghe/hebin", "place_change"),
    ]  # fmt: skip


def test_what_has_only_been_watched_for_longer_is_not_restated(home):
    publish("run-1", *batch("a"), *facts(*OLD))
    second = publish("run-2", *batch("a"), *facts(*OLD), add(1), f"update kpis.kpi_value set as_of = date '2026-11-30' where {KEY}")
    assert query(home, "select count(*) from kpi_restatement") == [(0,)]
    assert query(home, f"select kind, old_value, new_value from {history(home, second)}") == [("followed_up", 4, 5)]


def test_the_command_line_says_what_changed_and_names_the_versions_there_are(home, monkeypatch):
    monkeypatch.setattr(cli.console, "width", 200)
    publish("run-1", *batch("a"), *facts(*OLD))
    version = publish("run-2", *batch("a"), *batch("b"), *facts(*OLD, ("3", "qinghe/cuiyuan", "2026-03-07", True, "b")), add(1))
    said = CliRunner().invoke(cli.app, ["restatements"]).output
    assert all(text in said for text in (version.name, "P01", "qinghe/cuiyuan", "late rows", "b.csv", "+1 (+25.0%)"))
    assert "nothing restated" in CliRunner().invoke(cli.app, ["restatements", "--metric", "R02"]).output
    wrong = CliRunner().invoke(cli.app, ["restatements", "--version", "yesterday"])
    assert isinstance(wrong.exception, LookupError) and version.name in str(wrong.exception)


def test_the_exports_show_the_manager_what_was_restated_and_why(home):
    import openpyxl

    publish("run-1", *batch("a"), *facts(*OLD))
    publish("run-2", *batch("a"), *batch("b"), *facts(*OLD, ("3", "qinghe/cuiyuan", "2026-03-07", True, "b")), add(1))
    page, _, book = export.export()
    sheet = openpyxl.load_workbook(book, read_only=True)["更改 Restated"]
    (row,) = [row for row in sheet.iter_rows(values_only=True) if row[2] == "P01 活动场次 activities held"]
    assert row[3] == "2026-03" and row[5:9] == (4, 5, 1, 0.25) and row[10] == "补报数据 late rows" and row[12] == "b.csv"
    text = page.read_text(encoding="utf-8")
    section = text[text.index('<section id="restated">') : text.index('<section id="quality">')]
    assert "1 figure of closed periods changed: late rows 1" in section and "b.csv" in section and "4 场" in section


def test_a_version_that_was_published_before_there_were_restatements_is_exported(home):
    first = publish("run-1")
    with duckdb.connect(str(first / "marts.duckdb")) as connection:
        connection.execute("drop table kpi_restatement; drop table kpi_restatement_cause")
        connection.execute("alter table publication drop compared_with")
    assert len(export.export()) == 3
