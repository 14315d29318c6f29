"""No name, number or code of a person is anywhere in an installation but in the landing."""

from __future__ import annotations

from pathlib import Path

from expectations.scan import Hit, scan
from ingest.settings import settings
from tests.personal import clear_values, names_of_people


def test_nothing_personal_is_in_databases_logs_reports_and_exports(installation: Path) -> None:
    values = clear_values()
    assert any("19900001000" in value for value in values["issue_ledger", "phone"])
    names = names_of_people()
    assert {"周女士", "赵芳", "U0000000", "H0000000"} <= set(names)
    assert scan(names) == []


def test_the_scan_finds_what_was_put_there(home: Path) -> None:
    home.mkdir()
    (home / "logs").mkdir()
    (home / "logs" / "task.log").write_text("loaded 3 rows of 张女士, tel 13912345678, from 203.0.113.7\n", encoding="utf-8")
    (home / "landing").mkdir()
    (home / "landing" / "file").write_text("张女士", encoding="utf-8")
    assert set(scan(["张女士", "李伯伯"])) == {
        Hit("logs/task.log", "mobile number", 1), Hit("logs/task.log", "IP address", 1), Hit("logs/task.log", "name", 1),
    }  # fmt: skip


def test_the_landing_holds_what_arrived_so_that_retention_matters(installation: Path) -> None:
    assert any("周女士" in path.read_text("utf-8", "replace") for path in settings().landing.rglob("*") if path.is_file())
