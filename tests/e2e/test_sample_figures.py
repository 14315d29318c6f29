"""The demonstration district, run once: nothing is lost, nobody is named. What a second run changes: test_restore.py."""

from __future__ import annotations

from pathlib import Path

import duckdb

from ingest import warehouse
from ingest.settings import settings


def published(query: str) -> list[tuple]:
    with duckdb.connect(str((settings().published / "current").resolve() / "marts.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_every_metric_of_the_catalogue_has_a_value(installation: Path) -> None:
    assert published("select metric_code from kpi_catalogue except select metric_code from kpi_value") == []


def test_loaded_rows_are_staged_or_rejected_never_lost(installation: Path) -> None:
    with warehouse.reader() as connection:
        for raw, staged in (("issue_ledger", "case"), ("activity_ledger", "activity"), ("donation_list", "money"),
                            ("grant_ledger", "money"), ("place_register", "place")):
            rows = connection.execute(
                f"select count(distinct case_no) from raw.{raw}" if raw == "issue_ledger" else f"select count(*) from raw.{raw}"
            ).fetchone()
            assert rows == connection.execute(f"select count(*) from staging.stg_{raw}__{staged}").fetchone(), raw


def test_names_of_people_are_in_no_published_table(installation: Path) -> None:
    current = (settings().published / "current").resolve()
    everything = (current / "marts.duckdb").read_bytes()
    for name in ("郑阿姨", "张女士", "王伯伯", "19900"):
        assert name.encode() not in everything
