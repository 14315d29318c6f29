"""A backfill loads the files of its interval again, as they are declared now, and no others."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingest import warehouse
from ingest.connectors import Interval
from ingest.landing import land
from orchestration import steps
from tests.conftest import rows_of
from tests.unit.ledger_project import COLUMNS, Ledger, ledger  # noqa: F401 (a fixture)

ZONE = ZoneInfo("Asia/Shanghai")
FEBRUARY = Interval(datetime(2026, 2, 1, tzinfo=ZONE), datetime(2026, 3, 1, tzinfo=ZONE))
MONTHS = ("2026-01", "2026-02", "2026-03")
OTHERS = "select batch.* from ops.batch join ops.file using (source, file_id) where file_name != 'a_2026-02.csv' order by all"
VALUES = "select file_name, topic from raw.ledger join ops.file on file_id = _file_id order by file_name"


@pytest.fixture
def changed(ledger: Ledger) -> Ledger:  # noqa: F811
    """GIVEN three months that were loaded and accepted, and a declaration that has another column read as the topic since."""
    ledger.declare(COLUMNS, as_of_pattern=r"_(\d{4}-\d{2})")
    for month in MONTHS:
        ledger.file(f"a_{month}.csv", f"{month},1,{month}-01,old,new", header="编号,人数,日期,主题,新主题")
    ledger.arrive()
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set status = 'accepted'")
    ledger.declare({**COLUMNS, "topic": {"header": ["新主题"]}}, as_of_pattern=r"_(\d{4}-\d{2})")
    return ledger


def test_a_backfill_loads_its_files_again_and_touches_no_other(changed: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    before = rows_of(OTHERS)
    land("ledger", interval=FEBRUARY)
    steps.load("ledger", FEBRUARY)
    assert rows_of(VALUES) == [("a_2026-01.csv", "old"), ("a_2026-02.csv", "new"), ("a_2026-03.csv", "old")]
    after = rows_of(OTHERS)
    assert after == before
    said = capsys.readouterr().out
    assert "again a_2026-02.csv: replayed, 1 rows, 1 of them other than before" in said
    assert "backfill of 2026-02-01 00:00 to 2026-03-01 00:00, ledger: 1 replayed, 0 unchanged, 0 refused, 0 impossible;" in said
    assert rows_of("select why, rows_changed from ops.replay") == [("backfill of 2026-02-01 00:00 to 2026-03-01 00:00", 1)]
    steps.load("ledger", FEBRUARY)
    assert "again a_2026-02.csv: unchanged" in capsys.readouterr().out


def test_a_scheduled_run_loads_nothing_again(changed: Ledger) -> None:
    steps.load("ledger", Interval(FEBRUARY.start, FEBRUARY.start + timedelta(days=28), is_next=True))
    steps.load("ledger", None)
    assert {topic for _, topic in rows_of(VALUES)} == {"old"}


def test_a_file_without_a_day_in_its_name_belongs_to_the_time_when_it_landed(changed: Ledger) -> None:
    landed = "as_of = null, retrieved_at = '2026-02-28 20:00:00+08'"
    with warehouse.writer("test") as connection:
        connection.execute(f"update ops.file set {landed} where file_name = 'a_2026-01.csv'")
    steps.load("ledger", FEBRUARY)
    assert [topic for _, topic in rows_of(VALUES)] == ["new", "new", "old"]
