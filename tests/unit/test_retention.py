"""Landed bytes go when their time is over; the ledger and what was loaded stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest import load as loader
from ingest import retention, warehouse
from ingest.declaration import SourceDeclaration, declaration
from ingest.landing import land
from ingest.load import load
from ingest.settings import settings
from tests.conftest import rows_of
from tests.unit.arriving import ROW, issue_file


def age(days: int, where: str = "true") -> None:
    """GIVEN files that landed so many days ago, and were judged."""
    with warehouse.writer("test") as connection:
        connection.execute(f"update ops.file set retrieved_at = now() - to_days({days}) where {where}")
        connection.execute("update ops.batch set status = 'accepted'")


@pytest.fixture
def ledger(drop: Path) -> Path:
    """GIVEN two loaded files about people. Returns the drop folder."""
    issue_file(drop, "诉求台账_2025-01.csv", ROW.format(1, ""))
    issue_file(drop, "诉求台账_2026-01.csv", ROW.format(2, ""))
    land("issue_ledger")
    load("issue_ledger")
    return drop


def landed() -> list[Path]:
    return [path for path in settings().landing.rglob("*") if path.is_file()]


def test_files_about_people_go_after_400_days_and_what_was_loaded_stays(ledger: Path) -> None:
    age(399)
    assert retention.purge() == []
    age(401, "file_name = '诉求台账_2025-01.csv'")
    assert [file.file_name for file in retention.plan()] == ["诉求台账_2025-01.csv"]
    assert len(landed()) == 2
    (file,) = retention.purge()
    assert file.still_at == str(ledger / "issue_ledger" / "诉求台账_2025-01.csv")
    assert len(landed()) == 1
    assert rows_of("select file_name, purged_at is not null, size_bytes > 0 from ops.file order by 1") == [
        ("诉求台账_2025-01.csv", True, True), ("诉求台账_2026-01.csv", False, True)
    ]  # fmt: skip
    assert rows_of("select count(*) from raw.issue_ledger") == [(2,)]
    assert retention.purge() == []


def test_a_file_that_still_lies_in_the_drop_folder_does_not_come_back(ledger: Path) -> None:
    age(401)
    retention.purge()
    assert [file.is_new for file in land("issue_ledger")] == [False, False]
    assert landed() == []
    assert load("issue_ledger") == []


def test_somebody_who_names_the_file_gets_its_bytes_back(ledger: Path) -> None:
    age(401)
    retention.purge()
    land("issue_ledger", [ledger / "issue_ledger" / "诉求台账_2025-01.csv"])
    assert len(landed()) == 1
    assert rows_of("select file_name from ops.file where purged_at is null") == [("诉求台账_2025-01.csv",)]


def test_a_file_that_waits_for_its_gate_is_kept(ledger: Path) -> None:
    age(401)
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set status = 'loaded'")
    assert retention.purge() == []


def test_what_a_kill_left_undone_the_next_purge_does(ledger: Path) -> None:
    age(1)
    with warehouse.writer("test") as connection:
        connection.execute("update ops.file set purged_at = now()")
    abandoned = settings().landing / ".scratch" / "x" / "copy"
    with warehouse.scratch(settings().landing / ".scratch") as folder:
        abandoned.parent.mkdir()
        abandoned.write_text("half")
        (folder / "copy").write_text("being written")
        retention.purge()
        assert landed() == [folder / "copy"]


@pytest.mark.parametrize("moment", ["before it is read", "while it is read", "when it is read"])
def test_a_file_that_is_purged_while_it_waits_is_skipped_and_the_others_are_loaded(
    drop: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    for number in (1, 2, 3):
        issue_file(drop, f"诉求台账_2026-0{number}.csv", ROW.format(number, ""))
    land("issue_ledger")
    age(401, "file_name = '诉求台账_2026-02.csv'")
    told, whole_prepare = [], loader._prepare

    def look(line: str) -> None:
        told.append(line)
        if (moment == "before it is read" and "01.csv: 1 rows" in line) or (moment == "when it is read" and "02.csv: 1 rows" in line):
            retention.purge()

    def prepare(beside, source, path: Path, *more):
        if moment == "while it is read" and "02.csv: reading" in told[-1]:
            retention.purge()
        return whole_prepare(beside, source, path, *more)

    monkeypatch.setattr(loader, "_prepare", prepare)
    assert [report.status for report in load("issue_ledger", tell=look)] == ["loaded", "loaded"]
    assert "诉求台账_2026-02.csv: skipped, another process has loaded it or purged its bytes meanwhile" in told
    assert rows_of("select count(*) from raw.issue_ledger") == [(2,)] and rows_of("select count(*) from ops.batch") == [(2,)]


def test_a_file_whose_bytes_somebody_took_away_is_blocked_until_it_lands_again(drop: Path) -> None:
    issue_file(drop, "诉求台账_2026-01.csv", ROW.format(1, ""))
    land("issue_ledger")
    landed()[0].unlink()
    (report,) = load("issue_ledger")
    assert report.status == "blocked" and "found no file in the landing as issue_ledger/" in report.message
    land("issue_ledger")
    assert [report.status for report in load("issue_ledger")] == ["loaded"]


@pytest.mark.parametrize(("declared", "days"), [(None, 400), (30, 30), ("forever", None)])
def test_a_source_may_say_how_long_its_files_are_kept(declared: object, days: int | None) -> None:
    source = declaration("issue_ledger")
    assert SourceDeclaration(**{**dict(source), "retention_days": declared}).landed_files_kept_days == days


def test_files_that_are_about_nobody_are_kept_for_ever_unless_said() -> None:
    assert declaration("place_register").landed_files_kept_days is None


def test_a_retention_of_no_day_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="expected forever or a number of days, from 1; found 0"):
        SourceDeclaration(**{**dict(declaration("issue_ledger")), "retention_days": 0})
