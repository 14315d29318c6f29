"""When a build is skipped because the published version has its rows already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from orchestration.coverage import is_covered

TWO_O_CLOCK = datetime(2026, 11, 22, 18, 0, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Asset:
    """What `is_covered` reads of an asset."""

    name: str


@dataclass(frozen=True)
class Event:
    """What `is_covered` reads of an asset event."""

    timestamp: datetime


LEDGER, SURVEY = Asset("raw_issue_ledger"), Asset("raw_satisfaction_survey")


def after(seconds: float) -> Event:
    return Event(TWO_O_CLOCK + timedelta(seconds=seconds))


def test_a_build_is_covered_when_the_published_one_started_after_all_its_events():
    seen = {"raw_issue_ledger": after(10).timestamp.isoformat(), "raw_satisfaction_survey": after(20).timestamp.isoformat()}
    assert is_covered({LEDGER: [after(5), after(10)], SURVEY: [after(20)]}, seen)


def test_one_newer_event_is_enough_to_build_again():
    seen = {"raw_issue_ledger": after(10).timestamp.isoformat(), "raw_satisfaction_survey": after(20).timestamp.isoformat()}
    assert not is_covered({LEDGER: [after(5), after(10.000001)], SURVEY: [after(20)]}, seen)


def test_an_event_of_a_source_that_was_never_published_is_built():
    assert not is_covered({SURVEY: [after(1)]}, {"raw_issue_ledger": after(10).timestamp.isoformat()})


def test_the_first_build_is_not_covered():
    assert not is_covered({LEDGER: [after(1)]}, {})


def test_a_run_that_somebody_asked_for_always_builds():
    assert not is_covered({}, {"raw_issue_ledger": after(10).timestamp.isoformat()})
