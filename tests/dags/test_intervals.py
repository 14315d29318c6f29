"""Which time a run of an ingest DAG is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

import pytest

from ingest.connectors import Interval
from orchestration.intervals import interval_of

MARCH_2, MARCH_3 = (datetime(2026, 3, day, tzinfo=timezone.utc) for day in (2, 3))


@dataclass(frozen=True)
class Run:
    """What `interval_of` reads of a run."""

    run_type: str
    data_interval_start: datetime | None = MARCH_2
    data_interval_end: datetime | None = MARCH_3


def test_a_scheduled_run_is_the_next_one():
    assert interval_of(Run("scheduled")) == Interval(MARCH_2, MARCH_3, is_next=True)


def test_a_backfill_asks_for_its_interval_again():
    assert interval_of(Run("backfill")) == Interval(MARCH_2, MARCH_3, is_next=False)


@pytest.mark.parametrize("run", [Run("manual"), Run("manual", None, None), Run("scheduled", None, None), Run("backfill", MARCH_2, MARCH_2)])
def test_a_run_by_hand_and_one_without_an_interval_are_about_what_there_is_now(run):
    assert interval_of(run) is None
