"""Real data is broken in every way that the gates are there for: each fault is caught by the check that is for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from expectations import mart_suite
from expectations.rule import INTEGRITY
from ingest import warehouse
from tests.mutation import table
from tests.mutation.run import MUTATIONS, Outcome, outcomes

# The same for every table, and seen to fail on some of them.
OF_EVERY_TABLE = {
    "no_personal_data_in_text", "not_less_than_half_of_what_is_published", "not_more_than_5_times_what_is_published",
}  # fmt: skip


@pytest.fixture(scope="module")
def judged(installation: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Outcome], set[tuple[str, str]]]:
    """GIVEN a copy of the demonstration district. WHEN each fault is put into it. Returns outcomes, and every expectation of the
    marts."""
    copy = tmp_path_factory.mktemp("mutations")
    shutil.copytree(installation / "home", copy / "home", symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMW_HOME", str(copy / "home"))
        return _judge()


def _judge() -> tuple[list[Outcome], set[tuple[str, str]]]:
    with warehouse.writer("mutations") as connection:
        named = {
            (suite.name, expectation.meta["name"])
            for suite, _ in mart_suite.mart_suites(connection)
            for expectation in suite.expectations
        }
        return outcomes(connection), named


def test_every_fault_is_caught_by_the_check_that_is_for_it_and_its_row_is_named(judged):
    found, _ = judged
    missed = [f"{o.mutation.suite}: {o.mutation.fault} ({o.mutation.caught_by}): {o.why_missed}" for o in found if o.why_missed]
    assert missed == []
    assert len(found) == len(MUTATIONS) >= 40


def test_every_integrity_rule_was_broken_and_caught(judged):
    found, _ = judged
    assert {outcome.integrity for outcome in found} >= set(INTEGRITY)


def test_every_suite_and_every_rule_of_the_marts_was_seen_to_fail(judged):
    found, named = judged
    seen = {(outcome.mutation.suite, outcome.mutation.caught_by) for outcome in found}
    # kpi_value_public is held to the rules of kpi_value.
    expected = {(suite, name) for suite, name in named if name not in OF_EVERY_TABLE and suite != "kpis.kpi_value_public"}
    assert expected - seen == set()
    assert {suite for suite, _ in named} - {suite for suite, _ in seen} == set()


def test_the_page_on_testing_says_what_was_caught(judged):
    assert table.written() == table.render(judged[0])
