"""What the demonstration district has for every process, and what its records share, arrives in the marts out of all their dirt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from ingest import warehouse
from samples.world import World

LOCAL = "at time zone 'Asia/Shanghai'"

# What hangs on a record that has more to it than its row: the rows that are true, and the query that gives them from the marts.
DETAILS: dict[str, tuple[Callable[[World], Iterable[tuple]], str]] = {
    "options of ballots": (
        lambda world: ((vote.vote_id, one.label, one.for_count, one.against_count, one.abstain_count)
                       for vote in world.votes for one in vote.options),
        "select vote_key, option_label, for_count, against_count, abstain_count from marts.fct_vote_option",
    ),
    "areas of ballots": (
        lambda world: ((one.vote_id, one.eligible_area, one.returned_area) for one in world.votes),
        "select vote_key, eligible_area, returned_area from marts.fct_vote",
    ),
    "hours of shifts": (
        lambda world: ((one.participation_id, one.started, one.ended, 1 if one.person else one.head_count)
                       for one in world.participations),
        f"select participation_key, started_at {LOCAL}, ended_at {LOCAL}, head_count from marts.fct_participation",
    ),
    "call-backs and applications": (
        lambda world: ((one.case_id, one.callback_state, one.callback_is_resolved, one.callback_is_satisfied, one.exclusion_reason,
                        one.applicant is not None, one.round_code) for one in world.cases),
        "select case_key, callback_state, callback_is_resolved, callback_is_satisfied, exclusion_reason, applicant_key is not null, "
        "round_code from marts.fct_case",
    ),
    "dispositions of samples": (
        lambda world: ((one.survey_id, *((one.dispositions or {}).get(name) for name in DISPOSITIONS)) for one in world.surveys),
        "select survey_key, completed_count, partial_count, refusal_count, noncontact_count, other_count, unknown_household_count, "
        "unknown_other_count from marts.dim_survey",
    ),
    "scales of scores": (
        lambda world: ((one.kind, one.score, one.scale_min, one.scale_max) for one in world.evaluations),
        "select kind, score, scale_min, scale_max from marts.fct_evaluation",
    ),
    "figures of metrics": (
        lambda world: ((one.place, one.metric_code, one.value, one.decimals) for one in world.figures),
        "select split_part(place_key, ':', 2), metric_code, value, published_decimals from marts.fct_figure "
        "where place_key like 'qinghe_district:%'",
    ),
}  # fmt: skip
DISPOSITIONS = ("completed", "partial", "refusal", "noncontact", "other", "unknown_household", "unknown_other")


def asked(query: str) -> list[tuple]:
    """The rows of a query on the build database."""
    with warehouse.reader() as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("detail", DETAILS)
def test_every_detail_stands_in_the_warehouse_as_it_was_drawn(installation: Path, world: World, detail: str) -> None:
    truth, query = DETAILS[detail]
    expected, found = Counter(truth(world)), Counter(asked(query))
    assert expected.total() > 0
    assert (expected - found, found - expected) == (Counter(), Counter())


def test_a_person_of_the_platforms_is_one_person_in_every_record(installation: Path, world: World) -> None:
    true = (
        {one.person for one in world.participations if one.person},
        {one.person for one in world.roles if one.person},
        {one.account for one in world.points},
    )
    found = [
        {key for (key,) in asked(f"select distinct {column} from marts.{table} where {column} is not null")}
        for table, column in (("fct_participation", "person_key"), ("fct_role", "person_key"), ("fct_points", "account_key"))
    ]
    assert [len(keys) for keys in found] == [len(people) for people in true]
    assert len(found[0] & found[1] & found[2]) == len(true[0] & true[1] & true[2]) > 0


def test_every_process_leaves_every_record_that_it_owes(installation: Path) -> None:
    assert (
        asked("select process_code, missing_records from marts.process_coverage where missing_records is not null order by all")
        == []
    )
    assert asked("select count(*) from marts.process_coverage") == [(178,)]


def test_every_process_leaves_every_kind_that_the_catalogue_knows_and_no_other(installation: Path) -> None:
    left, owed = "intermediate.int_process_record", "intermediate.int_process_kind"
    for one, other in ((owed, left), (left, owed)):
        assert asked(f"select process_code, record, kind from {one} anti join {other} using (process_code, record, kind)") == []


def test_the_illegal_state_changes_of_the_platform_are_reported_and_no_other(installation: Path, world: World) -> None:
    found = asked("select count(distinct case_key) from marts.quality_illegal_transition where source = 'case_platform'")
    assert found == [(world.dirt["case_platform", "illegal transition"],)]
