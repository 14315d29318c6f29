"""Of files whose names say a date, an interval that is asked for again takes its own; a schedule takes whatever lies there."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from ingest.cli import app
from ingest.connectors import Interval
from ingest.landing import land
from tests.conftest import rows_of
from tests.unit.ledger_project import COLUMNS, Ledger, ledger  # noqa: F401 (a fixture)

ZONE = ZoneInfo("Asia/Shanghai")
FEBRUARY = Interval(datetime(2026, 2, 1, tzinfo=ZONE), datetime(2026, 3, 1, tzinfo=ZONE))
LANDED = "select file_name from ops.file where landed_path is not null order by 1"
FILES = ("a_2026-01.csv", "a_2026-02.csv", "a_2026-03.csv", "undated.csv")


CONNECTORS = [{"type": "drop_folder", "pattern": "ledger/*"}, {"type": "remote_folder", "pattern": "*"}]


@pytest.fixture(params=CONNECTORS, ids=lambda one: one["type"])
def months(request: pytest.FixtureRequest, ledger: Ledger) -> Ledger:
    """GIVEN files of three months and one without a date, where a connector of files finds them."""
    place = {"location": f"file://{ledger.drop}/"} if request.param["type"] == "remote_folder" else {}
    ledger.declare(COLUMNS, connector=request.param | place, as_of_pattern=r"_(\d{4}-\d{2})")
    for number, name in enumerate(FILES):
        ledger.file(name, f"A{number},1,2026-03-01,会")
    return ledger


def test_a_backfill_takes_the_files_of_its_interval_and_the_next_run_the_others(months: Ledger) -> None:
    land("ledger", interval=FEBRUARY)
    assert rows_of(LANDED) == [("a_2026-02.csv",), ("undated.csv",)]
    land("ledger", interval=Interval(FEBRUARY.end, FEBRUARY.end + timedelta(days=1), is_next=True))
    assert rows_of(LANDED) == [(name,) for name in FILES]


def test_the_command_takes_days_of_the_clock_of_the_source(months: Ledger) -> None:
    said = CliRunner().invoke(app, ["land", "ledger", "--from", "2026-02-28", "--to", "2026-03-01"])
    assert said.exit_code == 0 and "a_2026-02.csv: landed" in said.output, said.output
    assert rows_of(LANDED) == [("a_2026-02.csv",), ("undated.csv",)]


def test_a_blocked_file_of_another_interval_stays_blocked_and_one_of_this_is_told(months: Ledger) -> None:
    for name in ("a_2026-01.csv", "a_2026-02.csv"):
        (months.drop / name).write_text(f"编号\n{name}\n", encoding="utf-8")
    months.arrive()
    for name in ("a_2026-01.csv", "a_2026-02.csv"):
        (months.drop / name).unlink()
        (months.drop / name).symlink_to("/etc/hostname")
    assert [file.file_name for file in land("ledger", interval=FEBRUARY) if file.problem] == ["a_2026-02.csv"]
    blocked = "from ops.batch join ops.file using (source, file_id) where status = 'blocked' order by all"
    assert rows_of(f"select file_name, landed_path is not null {blocked}") == [("a_2026-01.csv", True), ("a_2026-02.csv", False), ("a_2026-02.csv", True)]
