"""Publication: gated marts become a version that readers see whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from exports import dictionary, publication, restatement, version_folder, versions
from ingest import warehouse

AS_OF = date(2026, 10, 31)
MONTHS = [date(year, month, 1) for year in (2025, 2026) for month in range(1, 13) if (year, month) <= (2026, 10)]
# place_key, tree, name, English name, level, parent
PLACES = [
    ("qinghe", "qinghe_district", "清河区", "Qinghe District", "district", None),
    ("qinghe/cuiyuan", "qinghe_district", "翠园镇", "Cuiyuan", "town", "qinghe"),
    ("qinghe/hebin", "qinghe_district", "=1+2河滨镇", None, "town", "qinghe"),
    ("qinghe/cuiyuan/xingfu", "qinghe_district", "幸福社区", None, "community", "qinghe/cuiyuan"),
    ("kansas_city", "kansas_city", "Kansas City", None, "city", None),
    ("kansas_city/1", "kansas_city", "District 1", None, "council_district", "kansas_city"),
]
# code, family, Chinese and English name, unit, decimals, headline
CATALOGUE = [
    ("P01", "participation", "活动场次", "activities held", "场", 0, True),
    ("P05", "participation", "场均人次", "attendances per activity", "人次/场", 1, True),
    ("R02", "resolution", "办结率", "resolution rate", "share", 1, True),
    ("R05.median", "resolution", "办结用时中位数", "median time to resolve", "天", 1, True),
    ("R07", "resolution", "未办结存量", "backlog by age", "件", 0, False),
    ("S03", "satisfaction", "满意比例", "satisfied share", "share", 1, True),
    ("F01.raised", "funding", "筹集资金", "raised", "money", 2, True),
    ("F02.spent", "funding", "支出资金", "spent", "money", 2, False),
    ("V01", "figure", "报表一致率", "agreement of reported figures", "share", 1, False),
]
QUESTIONS = [("q1", "环境卫生"), ("q2", "物业服务"), ("q3", "=cmd|'/c calc'!A1"), ("q4", "停车</script><b>")]
ACTIVITIES = "select value from kpi_value where metric_code = 'P01' and place_key = 'qinghe' and period_type = 'all'"
KPI_COLUMNS = """metric_code varchar, definition_version integer, place_key varchar, place_level varchar, place_path varchar,
    period_type varchar, period_start date, period_end date, breakdown_type varchar, breakdown_value varchar,
    numerator double, denominator double, "value" double, n bigint, "lower" double, "upper" double, unit varchar,
    currency varchar, status varchar, as_of date, run_id varchar"""


def periods() -> list[tuple[str, date, date, int]]:
    """Months, quarters, years and all time of the toy data: type, start, end (exclusive), months held."""
    found = {}
    for month in MONTHS:
        quarter = date(month.year, month.month - (month.month - 1) % 3, 1)
        year = date(month.year, 1, 1)
        for kind, start in (("month", month), ("quarter", quarter), ("year", year), ("all", MONTHS[0])):
            found[kind, start] = found.get((kind, start), 0) + 1
    length = {"month": 1, "quarter": 3, "year": 12}
    return [
        (kind, start, date(2026, 11, 1) if kind == "all" else _months_after(start, length[kind]), held)
        for (kind, start), held in found.items()
    ]


def _months_after(start: date, months: int) -> date:
    index = start.year * 12 + start.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def wilson(hits: float, n: float) -> tuple[float, float]:
    z, share = 1.96, hits / n
    middle, half = share + z * z / (2 * n), z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))


def kpi_rows(run_id: str, more: int = 0) -> list[tuple]:
    """KPI rows of the toy places; `more` adds activities to every period."""
    rows = []

    def add(code, place, period, value, numerator=None, denominator=None, n=None, bounds=(None, None), unit=None,
            split=("none", "total"), currency=None, status="ok"):  # fmt: skip
        key, _, _, _, level, _ = place
        unit = unit or next(metric[4] for metric in CATALOGUE if metric[0] == code)
        rows.append((code, 1, key, level, key, *period[:3], *split, numerator, denominator, value, n, *bounds, unit,
                     currency, status, AS_OF, run_id))  # fmt: skip

    for size, place in zip((9, 4, 5, 2, 30, 6), PLACES):
        for period in periods():
            kind, start, end, held = period
            partial = "partial" if end > date(2026, 11, 1) else "ok"
            seed = start.month + 3 * start.year % 7
            raised = held * size * 11 + seed
            if place[1] == "qinghe_district":
                activities = held * size + more
                add("P01", place, period, activities, activities, None, activities, status=partial)
                add("P05", place, period, 12.345 + seed / 10, (12.345 + seed / 10) * activities, activities, activities,
                    (11.2, 14.6), status="low_n" if activities < 30 else partial)  # fmt: skip
                money = 1234567.885 if kind == "all" else 1000.5 * held * size + seed
                add("F01.raised", place, period, money, money, None, held * size, currency="CNY", status=partial)
            done = round(raised * (0.6 + seed / 60))
            add("R02", place, period, done / raised, done, raised, raised, wilson(done, raised), status=partial)
            if kind == "all":
                add("V01", place, period, 0.9, 9 * size, 10 * size, 10 * size, wilson(9 * size, 10 * size))
                add("R05.median", place, period, None, None, None, raised, (45.0, None), status="not_reached")
                for band, count in (("0-7", 12), ("8-30", 20), ("31-90", 3), ("90+", 6)):
                    add("R07", place, period, count, count, None, count, split=("age_band", band),
                        status="suppressed" if count < 5 else "ok")  # fmt: skip
    wave = ("wave", date(2026, 5, 1), date(2026, 6, 1))
    for (key, _), hits, n in zip(QUESTIONS, (412, 240, 2999, 9), (500, 480, 3000, 12)):
        add("S03", PLACES[0], wave, hits / n, hits, n, n, wilson(hits, n), split=("question", key),
            status="low_n" if n < 30 else "ok")  # fmt: skip
    add("S03", PLACES[1], wave, None, 0, 0, 0, split=("question", "q4"), status="no_base")
    return rows


def build_toy(run_id: str, more: int = 0, gated: bool = True) -> None:
    """A build database as the dbt run and the gates leave it: two trees of places, five families, all statuses."""
    catalogue = [
        (code, family, zh, en, f"{en} (formula)", unit, "up", decimals, 30, "ratio", "case", False, "none", 1,
         "数据组", headline, "")
        for code, family, zh, en, unit, decimals, headline in CATALOGUE
    ]  # fmt: skip
    places = [
        (key, tree, key, name, english, level, parent, key, "Asia/Shanghai", date(2020, 1, 1), None,
         date(2020, 1, 1) if key == "qinghe/cuiyuan" else None, None)
        for key, tree, name, english, level, parent in PLACES
    ]
    # The same place under an earlier name.
    places.append(("qinghe/cuiyuan", "qinghe_district", "old", "翠园乡", None, "town", "qinghe", "qinghe/cuiyuan",
                   "Asia/Shanghai", date(2010, 1, 1), date(2020, 1, 1), None, date(2020, 1, 1)))  # fmt: skip
    with warehouse.writer(purpose="toy build") as connection:
        connection.execute("create schema if not exists marts; create schema if not exists kpis")
        _table(connection, "kpis.kpi_value", KPI_COLUMNS, kpi_rows(run_id, more))
        connection.execute("create or replace table kpis.kpi_value_public as from kpis.kpi_value")
        _table(connection, "kpis.kpi_catalogue", """metric_code varchar, family varchar, name_zh varchar, name_en varchar,
            formula varchar, unit varchar, direction varchar, decimals integer, minimum_n integer, statistic varchar,
            record varchar, counts_people boolean, breakdowns varchar, definition_version integer, owner varchar, is_headline boolean,
            notes varchar""", catalogue)  # fmt: skip
        _table(connection, "kpis.kpi_people_component", "metric_code varchar, shown_in varchar",
               [(metric[0], "numerator") for metric in CATALOGUE])  # fmt: skip
        _table(connection, "marts.dim_place", """place_key varchar, tree varchar, place_code varchar, place_name varchar,
            place_name_en varchar, place_level varchar, parent_place_key varchar, place_path varchar, time_zone varchar,
            valid_from date, valid_to date, counts_from date, counts_to date""", places)  # fmt: skip
        _table(connection, "marts.quality_summary", """source varchar, files bigint, batches_blocked bigint, rows_in bigint,
            rows_loaded bigint, rows_quarantined bigint, rows_skipped bigint, rows_rejected_in_staging bigint,
            gate_critical_failed bigint, gate_warning_failed bigint, last_loaded_at timestamptz""",
            [("issue_ledger", 2, 1, 1204, 1200, 4, 0, 0, 1, 2, datetime(2026, 11, 1, tzinfo=timezone.utc))])  # fmt: skip
        _table(connection, "marts.dim_question", "question_key varchar, question_text varchar, is_headline boolean",
               [(key, text, key == "q2") for key, text in QUESTIONS])  # fmt: skip
        _table(connection, "marts.process_coverage", """process_code varchar, missing_records varchar, metric_count bigint,
            metrics_owed bigint""", [("A01", None, 2, 2), ("A02", "vote", 1, 1), ("A03", None, 1, 2)])  # fmt: skip
        for fact in publication.REQUIRED_TABLES:
            if fact.startswith("fct_") or fact == "dim_survey":
                _table(connection, f"marts.{fact}", "place_key varchar, note varchar", [("qinghe", "幸福")] * 3)
        connection.execute("create or replace table marts.scratch as select 1 as not_published")
        connection.execute("delete from ops.file; delete from ops.batch")
        connection.execute("insert into ops.run values (?, now(), 'v9.9', null)", [run_id])
        for name, status in (("诉求台账_2026-10.csv", "accepted"), ("诉求台账_2026-09.csv", "blocked")):
            digest = hashlib.sha256(name.encode()).hexdigest()
            connection.execute(
                "insert into ops.file (file_id, source, file_name, size_bytes) values (?, 'issue_ledger', ?, 99)", [digest, name]
            )
            connection.execute(
                "insert into ops.batch (batch_id, source, file_id, status, rows_loaded) values (?, 'issue_ledger', ?, ?, 600)",
                [name, digest, status],
            )
    if gated:
        gate(run_id)


def gate(run_id: str, severity: str = "warning", success: bool = True) -> None:
    """Results of a marts gate: one passed critical expectation and one as given."""
    with warehouse.writer(purpose="toy gate") as connection:
        now = datetime.now(timezone.utc)
        connection.executemany(
            "insert into ops.gate_result (run_id, gate, suite, expectation, severity, success, message, checked_at) "
            "values (?, 'marts', 'mart_kpi', ?, ?, ?, ?, ?)",
            [
                (run_id, "raised_is_resolved_plus_open", "critical", True, "", now),
                (run_id, "no_month_without_cases", severity, success, "expected cases in 2026-08, found none", now),
            ],
        )


def _table(connection: duckdb.DuckDBPyConnection, name: str, columns: str, rows: list[tuple]) -> None:
    connection.execute(f"create or replace table {name} ({columns})")
    row = f"({', '.join('?' * len(rows[0]))})"
    connection.execute(f"insert into {name} values {', '.join([row] * len(rows))}", [value for row in rows for value in row])


@pytest.fixture()
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GMW_HOME", str(tmp_path))
    return tmp_path


def query(home: Path, sql: str) -> list[tuple]:
    """What a new reader of the current version sees."""
    with publication.open_current() as connection:
        return connection.sql(sql).fetchall()


def test_a_published_version_holds_every_mart_row_and_says_where_it_came_from(home):
    build_toy("run-1")
    folder = publication.publish("run-1")

    assert (home / "published" / "current").resolve() == folder
    assert query(home, "select count(*), count(distinct run_id) from kpi_value") == [(len(kpi_rows("run-1")), 1)]
    published = {name for (name,) in query(home, "select table_name from information_schema.tables")}
    assert published == {*publication.REQUIRED_TABLES, *restatement.TABLES, "publication"} - {"fct_answer", "fct_population"}
    assert query(home, "select version, run_id, as_of, code_version, gates->>'$[0].checks' from publication") == [
        (folder.name, "run-1", AS_OF, "v9.9", "2")
    ]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["tables"]["kpi_value"] == len(kpi_rows("run-1"))
    assert [source["file_name"] for source in manifest["sources"]] == ["诉求台账_2026-10.csv"]
    assert manifest["files"]["marts.duckdb"]["sha256"] == hashlib.sha256((folder / "marts.duckdb").read_bytes()).hexdigest()
    assert set(manifest["files"]) == {"marts.duckdb", "restricted.duckdb", "history.parquet", *(f"parquet/{name}.parquet" for name in published)}
    for name in published:
        (rows,) = duckdb.connect().execute(f"select count(*) from '{folder}/parquet/{name}.parquet'").fetchone()
        assert rows == manifest["tables"][name]


def test_the_published_file_is_written_for_older_readers(home):
    build_toy("run-1")
    publication.publish("run-1")
    (tags,) = query(home, "select tags from duckdb_databases() where database_name = 'marts'")[0]
    assert tags["storage_version"].startswith("v1.4")


def test_publishing_the_same_gated_run_again_adds_no_version(home):
    build_toy("run-1")
    first = publication.publish("run-1")
    assert publication.publish("run-1") == first
    assert [version.name for version in versions.versions()] == [first.name]


@pytest.mark.parametrize("table", ["publication", *restatement.TABLES])
def test_a_table_that_no_model_makes_has_the_columns_that_the_dictionary_tells(home, table):
    build_toy("run-1")
    publication.publish("run-1")
    (told,) = (listed for listed in dictionary.tables() if listed.name == table)
    published = query(home, f"select column_name, lower(column_type) from (describe {table})")
    assert [(column.name, column.data_type) for column in told.columns] == published


def test_a_run_that_was_gated_again_is_published_again(home):
    build_toy("run-1")
    first = publication.publish("run-1")
    build_toy("run-1", more=5)
    second = publication.publish("run-1")
    assert second.name > first.name
    assert query(home, ACTIVITIES) == [(203.0,)]


def test_publishing_an_older_run_again_does_not_replace_a_newer_version(home):
    build_toy("run-1")
    first = publication.publish("run-1")
    build_toy("run-2")
    publication.publish("run-2")
    assert publication.publish("run-1") == first
    assert query(home, "select run_id from publication") == [("run-2",)]


def test_publishing_again_ends_a_publication_that_was_stopped_before_the_switch(home):
    build_toy("run-1")
    publication.publish("run-1")
    build_toy("run-2")
    second = publication.publish("run-2")
    version_folder.switch(home / "published", versions.versions()[1].name)
    assert publication.publish("run-2") == second
    assert query(home, "select run_id from publication") == [("run-2",)]


def test_an_open_reader_keeps_its_version_and_a_new_one_sees_the_next(home):
    build_toy("run-1")
    publication.publish("run-1")
    with duckdb.connect(str((home / "published" / "current").resolve() / "marts.duckdb"), read_only=True) as old:
        before = old.sql(ACTIVITIES).fetchall()
        build_toy("run-2", more=7)
        publication.publish("run-2")
        assert old.sql(ACTIVITIES).fetchall() == before == [(198.0,)]
        assert query(home, ACTIVITIES) == [(205.0,)]


def test_rolling_back_and_forward_changes_only_the_link(home):
    build_toy("run-1")
    first = publication.publish("run-1")
    build_toy("run-2")
    second = publication.publish("run-2")

    assert versions.rollback(first.name) == first
    assert query(home, "select run_id from publication") == [("run-1",)]
    listed = [(version.run_id, version.is_current) for version in versions.versions()]
    assert listed == [("run-2", False), ("run-1", True)]
    versions.rollback(second.name)
    assert query(home, "select run_id from publication") == [("run-2",)]


@pytest.mark.parametrize("wrong", ["20200101T000000Z-00000000", "current", "../published"])
def test_rolling_back_to_a_version_that_is_not_there_names_those_that_are(home, wrong):
    build_toy("run-1")
    folder = publication.publish("run-1")
    with pytest.raises(versions.UnknownVersion, match=folder.name):
        versions.rollback(wrong)
    assert (home / "published" / "current").resolve() == folder


def test_a_damaged_version_is_not_rolled_back_to(home):
    build_toy("run-1")
    first = publication.publish("run-1")
    build_toy("run-2")
    publication.publish("run-2")
    (first / "parquet" / "kpi_value.parquet").unlink()
    with pytest.raises(versions.UnknownVersion, match="complete version"):
        versions.rollback(first.name)


@pytest.mark.parametrize("moment", ["rename", "replace"])
def test_a_kill_before_the_switch_leaves_the_old_version_and_the_next_publication_tidies_up(home, moment):
    build_toy("run-1")
    first = publication.publish("run-1")
    build_toy("run-2", more=1)
    killed = subprocess.run(
        [sys.executable, "-c", f"import os, signal\nos.{moment} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
         "from exports.publication import publish\npublish('run-2')"],
        cwd=Path(publication.__file__).parents[1], env={**os.environ, "GMW_HOME": str(home)},
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    assert (home / "published" / "current").resolve() == first
    left = list((home / "published").glob(".*.partial"))
    assert len(left) == 1

    second = publication.publish("run-2")
    assert query(home, "select run_id from publication") == [("run-2",)]
    assert sorted(entry.name for entry in (home / "published").iterdir()) == sorted(
        [first.name, second.name, "current", "history", "switches.jsonl"]
    )


def test_a_run_whose_marts_gate_has_not_run_is_refused(home):
    build_toy("run-1", gated=False)
    gate("another-run")
    with pytest.raises(publication.PublicationRefused, match="found none.*gmw gate marts"):
        publication.publish("run-1")
    assert not (home / "published" / "current").exists()


def test_a_failed_critical_expectation_keeps_the_old_version(home):
    build_toy("run-1")
    first = publication.publish("run-1")
    build_toy("run-2", gated=False)
    gate("run-2", severity="critical", success=False)
    with pytest.raises(publication.PublicationRefused, match="no_month_without_cases.*found none"):
        publication.publish("run-2")
    assert (home / "published" / "current").resolve() == first


def test_a_failed_warning_is_published_and_counted(home):
    build_toy("run-1", gated=False)
    gate("run-1", severity="warning", success=False)
    publication.publish("run-1")
    counted = query(home, "select gates->>'$[0].failed_warning', gates->>'$[0].failed_critical' from publication")
    assert counted == [("1", "0")]


def test_a_build_that_began_after_the_gate_is_not_published_under_its_verdict(home):
    build_toy("run-1")
    build_toy("run-2", gated=False)
    with pytest.raises(publication.PublicationRefused, match="build of 'run-2' has begun since"):
        publication.publish("run-1")


def test_numbers_of_another_run_are_refused(home):
    build_toy("run-1", gated=False)
    gate("run-2")
    with pytest.raises(publication.PublicationRefused, match="hold the run 'run-2', found 'run-1'"):
        publication.publish("run-2")


def test_a_mart_that_is_in_both_schemas_is_named(home):
    build_toy("run-1")
    with warehouse.writer(purpose="a table that an earlier version of the project built") as connection:
        connection.execute("create table kpis.fct_money as from marts.fct_money")
    with pytest.raises(publication.PublicationRefused, match="found in both: fct_money"):
        publication.publish("run-1")


def test_a_missing_mart_is_named(home):
    build_toy("run-1")
    with warehouse.writer(purpose="drop a mart") as connection:
        connection.execute("drop table marts.fct_money")
    with pytest.raises(publication.PublicationRefused, match="found no fct_money"):
        publication.publish("run-1")
