"""Reports on a period are frozen: other figures make a new edition; the mail has the workbook and a link."""

from __future__ import annotations

import csv
import os
import re
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from exports import publication
from exports.archive import ArchiveDamaged, archive
from exports.periods import Period, last_ended, parse_reported
from orchestration.delivery import deliver
from tests.integration.notified import MailServer
from tests.integration.test_publication import build_toy


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GIVEN a published run."""
    monkeypatch.setenv("GMW_HOME", str(tmp_path))
    for name in ("GMW_DELIVER_EMAIL", "GMW_EXPORTS_URL"):
        monkeypatch.delenv(name, raising=False)
    build_toy("run-1")
    publication.publish("run-1")
    return tmp_path


def publish_more(run_id: str, more: int) -> None:
    build_toy(run_id, more=more)
    publication.publish(run_id)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_edition_is_frozen_and_other_figures_make_another_one(home: Path) -> None:
    first = archive("2026-09")
    assert first.is_new and first.folder == home / "exports" / "archive" / "2026-09" / "edition-1"
    frozen = contents(first.folder)
    assert not [path for path in first.folder.iterdir() if path.stat().st_mode & 0o222]

    publish_more("run-2", more=0)  # another run, the same figures
    same = archive("2026-09")
    assert (same.number, same.is_new) == (1, False)

    publish_more("run-3", more=7)
    second = archive("2026-09")
    assert (second.number, second.is_new) == (2, True)
    assert contents(first.folder) == frozen
    assert os.readlink(home / "exports" / "archive" / "2026-09" / "latest") == "edition-2"
    listed = (home / "exports" / "archive" / "index.html").read_text(encoding="utf-8")
    assert "2026-09/edition-1/kpi.xlsx" in listed and "2026-09/edition-2/kpi.xlsx" in listed


def test_the_report_has_the_figures_of_its_period_and_nothing_of_later(home: Path) -> None:
    edition = archive("2026-Q2")
    with open(edition.folder / "kpi.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["period_type"], row["period_start"]) for row in rows} == {("quarter", "2026-04-01"), ("wave", "2026-05-01")}
    book = openpyxl.load_workbook(edition.folder / "kpi.xlsx")
    assert "2026-Q2" in {cell for row in book["封面 Cover"].iter_rows(values_only=True) for cell in row}
    periods = {row[4] for row in book["办结 Resolution"].iter_rows(min_row=6, values_only=True)}
    assert "2026 Q2" in periods and not {"2026 Q3", "2026 Q4", "2026-09"} & periods


def test_the_page_of_an_edition_opens_with_its_period_and_has_none_of_later(home: Path) -> None:
    edition = archive("2026-Q2")
    page = (edition.folder / "index.html").read_text(encoding="utf-8")
    assert '"period": {"type": "quarter", "start": "2026-04-01"}' in page
    assert max(re.findall(r'"label": "(\d{4} Q\d)"', page)) == "2026 Q2"
    assert "2026-Q2/edition-1/index.html" in (home / "exports" / "archive" / "index.html").read_text(encoding="utf-8")


def test_an_edition_that_was_changed_is_told_and_nothing_is_written(home: Path) -> None:
    edition = archive("2026-09")
    (edition.folder / "kpi.csv").chmod(0o644)
    (edition.folder / "kpi.csv").write_text("better numbers", encoding="utf-8")
    publish_more("run-2", more=7)
    with pytest.raises(ArchiveDamaged, match="kpi.csv: expected the file as it was frozen"):
        archive("2026-09")
    assert not (edition.folder.parent / "edition-2").exists()


def test_a_period_without_figures_is_refused_and_leaves_no_folder(home: Path) -> None:
    with pytest.raises(LookupError, match="period 2031-01: expected a month that has figures"):
        archive("2031-01")
    with pytest.raises(ValueError, match="expected a month, quarter or year"):
        archive("all")
    assert not (home / "exports" / "archive" / "2031-01").exists()


@pytest.mark.parametrize(
    ("period_type", "day", "expected"),
    [("month", date(2026, 1, 5), "2025-12"), ("quarter", date(2026, 4, 5), "2026-Q1"), ("quarter", date(2026, 3, 31), "2025-Q4"),
     ("year", date(2026, 1, 5), "2025"), ("month", date(2026, 10, 1), "2026-09")],
)  # fmt: skip
def test_what_ended_last(period_type: str, day: date, expected: str) -> None:
    assert str(last_ended(period_type, day)) == expected
    assert parse_reported(expected) == last_ended(period_type, day)
    assert Period(period_type, parse_reported(expected).start).end <= day


def test_a_delivery_mails_the_workbook_with_a_link_once_and_again_when_figures_changed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with MailServer() as server:
        monkeypatch.setenv("AIRFLOW_CONN_GMW_SMTP", server.connection)
        monkeypatch.setenv("GMW_DELIVER_EMAIL", "head@district.example, office@district.example")
        monkeypatch.setenv("GMW_EXPORTS_URL", "https://kpi.district.example/")
        assert deliver("2026-09")
        assert not deliver("2026-09")
        publish_more("run-2", more=7)
        assert deliver("2026-09")
    (_, recipients, mail), (_, _, again) = server.mails
    assert set(recipients) == {"head@district.example", "office@district.example"}
    (attached,) = mail.iter_attachments()
    edition = home / "exports" / "archive" / "2026-09" / "edition-1"
    assert attached.get_filename() == "kpi.xlsx" and attached.get_content() == (edition / "kpi.xlsx").read_bytes()
    body = mail.get_body(("html",)).get_content()
    assert "https://kpi.district.example/archive/2026-09/edition-1/" in body and "R02 办结率" in body
    assert "edition 2" in again["Subject"]
    assert (home / "exports" / "public" / "archive" / "2026-09" / "edition-2" / "kpi.xlsx").is_file()


def test_nobody_to_mail_to_is_said(home: Path) -> None:
    said: list[str] = []
    assert deliver("2026-09", said.append) is False
    assert said[-1] == "no mail: GMW_DELIVER_EMAIL names nobody"
