"""What is true in the demonstration district arrives in the marts, row for row, out of the files with all their dirt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal

import duckdb
import pytest

from samples.world import World

PLACE = "split_part(place_key, ':', 2)"
DISPOSITIONS = ("completed", "partial", "refusal", "noncontact", "other", "unknown_household", "unknown_other")

# Record: the rows that are true, and the query that gives them from the marts. Persons are compared by whether there is one.
RECORDS: dict[str, tuple[Callable[[World], Iterable[tuple]], str]] = {
    "activities": (
        lambda world: ((one.activity_id, one.place, one.kind, one.process_code, one.day, one.state, one.activity_type, one.mode,
                        one.host_type, one.headcount, one.framework_element, one.is_resident_led, one.venue_capacity)
                       for one in world.activities),
        f"""select activity_key, {PLACE}, kind, process_code, activity_date, state, activity_type, mode, host_type, attendance_count,
            framework_element, is_resident_led, venue_capacity from marts.fct_activity""",
    ),
    "participations": (
        lambda world: ((one.participation_id, one.place, one.kind, one.process_code, one.day, one.action, one.state, one.activity_id,
                        one.person is not None, one.household is not None, one.age_band, 1 if one.person else one.head_count, one.hours,
                        one.is_verified, one.started, one.ended) for one in world.participations),
        f"""select participation_key, {PLACE}, kind, process_code, participation_date, action, state, activity_key,
            person_key is not null, household_key is not null, age_band, head_count, hours, is_verified, started_at, ended_at
            from marts.fct_participation""",
    ),
    "cases": (
        lambda world: ((one.case_id, one.place, one.kind, one.process_code, one.category, one.opened,
                        one.ended if one.outcome != "open" else None, one.outcome, one.due, one.response_due, one.first_response,
                        one.activity_id, one.rating, one.callback_state, one.callback_is_resolved, one.callback_is_satisfied,
                        one.exclusion_reason, one.applicant is not None, one.round_code) for one in world.cases),
        f"""select case_key, {PLACE}, kind, process_code, category, opened_at, ended_at, outcome, due_date, response_due_at,
            first_response_at, activity_key, rating, callback_state, callback_is_resolved, callback_is_satisfied, exclusion_reason,
            applicant_key is not null, round_code from marts.fct_case""",
    ),
    "state changes": (
        lambda world: ((case.case_id, event.state, event.moment) for case in world.cases for event in case.events),
        "select case_key, state, occurred_at from marts.fct_case_event",
    ),
    "points": (
        lambda world: ((one.place, one.kind, one.process_code, one.points, one.posted, one.rule_code) for one in world.points),
        f"select {PLACE}, kind, process_code, points, posted_at, rule_code from marts.fct_points",
    ),
    "roles": (
        lambda world: ((one.place, one.kind, one.process_code, one.person is not None, one.valid_from, one.valid_to)
                       for one in world.roles),
        f"select {PLACE}, kind, process_code, person_key is not null, valid_from, valid_to from marts.fct_role",
    ),
    "organisations": (
        lambda world: ((one.organisation_id, one.place, one.kind, one.process_code, one.valid_from, one.valid_to, one.founded,
                        one.admitted, one.graduated, one.dissolved) for one in world.organisations),
        f"""select split_part(organisation_key, ':', 2), {PLACE}, kind, process_code, valid_from, valid_to, founded_date, admitted_date,
            graduated_date, dissolved_date from marts.dim_organisation""",
    ),
    "votes": (
        lambda world: ((one.vote_id, one.place, one.kind, one.process_code, one.day, one.state, one.result, one.voter_unit, one.eligible,
                        one.issued, one.returned, one.valid, one.invalid, one.eligible_area, one.returned_area) for one in world.votes),
        f"""select vote_key, {PLACE}, kind, process_code, vote_date, state, result, voter_unit, eligible_count, issued_count,
            returned_count, valid_count, invalid_count, eligible_area, returned_area from marts.fct_vote""",
    ),
    "options": (
        lambda world: ((vote.vote_id, one.label, one.for_count, one.against_count, one.abstain_count)
                       for vote in world.votes for one in vote.options),
        "select vote_key, option_label, for_count, against_count, abstain_count from marts.fct_vote_option",
    ),
    "surveys": (
        lambda world: ((one.survey_id, one.place, one.kind, one.process_code, one.opened, one.closed, one.issued, one.returned, one.valid,
                        one.is_opt_in, *((one.dispositions or {}).get(name) for name in DISPOSITIONS)) for one in world.surveys),
        f"""select survey_key, {PLACE}, kind, process_code, opened_date, closed_date, issued_count, returned_count, valid_count, is_opt_in,
            {", ".join(f"{name}_count" for name in DISPOSITIONS)} from marts.dim_survey""",
    ),
    "answers": (
        lambda world: ((one.respondent, one.place, one.question, one.code) for survey in world.surveys for one in survey.answers),
        f"select respondent_key, {PLACE}, question_key, answer_number from marts.fct_answer",
    ),
    "evaluations": (
        lambda world: ((one.place, one.kind, one.process_code, one.round, one.evaluator_type, one.dimension, one.score, one.scale_min,
                        one.scale_max, one.grade, one.day) for one in world.evaluations),
        f"""select {PLACE}, kind, process_code, round, evaluator_type, dimension, score, scale_min, scale_max, grade, evaluated_date
            from marts.fct_evaluation""",
    ),
    "money": (
        lambda world: ((one.place, one.kind, one.process_code, one.day, one.amount, one.currency, one.source_type, one.is_government,
                        one.counterparty is not None, one.fund, one.project, one.round_code, one.households) for one in world.money),
        f"""select {PLACE}, kind, process_code, money_date, amount, currency, source_type, is_government, counterparty_key is not null,
            fund, project_id, round_code, household_count from marts.fct_money""",
    ),
    "figures": (
        lambda world: ((one.place, one.kind, one.process_code, one.measure, one.metric_code, one.value, one.lower, one.upper, one.unit,
                        one.decimals, one.period_start, one.period_end) for one in world.figures),
        f"""select {PLACE}, kind, process_code, measure, metric_code, value, lower, upper, unit, published_decimals, period_start,
            period_end from marts.fct_figure where place_key like 'qinghe_district:%'""",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def marts(installation):
    """WHEN everything has run: the build database, in the district's time."""
    with duckdb.connect(str(installation / "home" / "warehouse" / "gmw_build.duckdb"), read_only=True) as connection:
        connection.execute("set timezone = 'Asia/Shanghai'")
        yield connection


def counted(rows: Iterable[tuple]) -> Counter:
    """Rows with how often each occurs; amounts compare as numbers, moments as local time."""
    return Counter(
        tuple(
            float(value) if isinstance(value, Decimal) else value.replace(tzinfo=None) if isinstance(value, datetime) else value
            for value in row
        )
        for row in rows
    )


@pytest.mark.parametrize("record", RECORDS)
def test_everything_true_is_in_the_marts_and_nothing_else(sample, marts, record):
    true_rows, query = RECORDS[record]
    true, found = counted(true_rows(sample.world)), counted(marts.execute(query).fetchall())
    assert sum(true.values()) > 0
    assert (true - found, found - true) == (Counter(), Counter())


def test_each_person_of_a_platform_is_one_person_everywhere(sample, marts):
    world = sample.world
    true = (
        {one.person for one in world.participations if one.person},
        {one.person for one in world.roles if one.person},
        {one.account for one in world.points},
    )
    found = [
        {key for (key,) in marts.execute(f"select distinct {column} from marts.{table} where {column} is not null").fetchall()}
        for table, column in (("fct_participation", "person_key"), ("fct_role", "person_key"), ("fct_points", "account_key"))
    ]
    assert [len(keys) for keys in found] == [len(people) for people in true]
    assert len(found[0] & found[1] & found[2]) == len(true[0] & true[1] & true[2])


def test_what_cannot_be_understood_is_in_quarantine(sample, marts):
    found = dict(
        marts.execute("select source, count(distinct (file_id, row_no)) from marts.quality_rejected_row group by source").fetchall()
    )
    assert found == sample.world.quarantined


def test_every_process_leaves_every_record_that_it_owes(marts):
    assert marts.execute(
        "select process_code, missing_records from marts.process_coverage where missing_records is not null order by all"
    ).fetchall() == []
    assert marts.execute("select count(*) from marts.process_coverage").fetchone() == (178,)


def test_no_process_leaves_a_kind_that_the_catalogue_does_not_know(marts):
    assert marts.execute(
        """select process_code, record, kind from intermediate.int_process_record
        anti join intermediate.int_process_kind using (process_code, record, kind)"""
    ).fetchall() == []


def test_illegal_state_changes_are_reported_and_only_they(sample, marts):
    cases = marts.execute(
        "select count(distinct case_key) from marts.quality_illegal_transition where source = 'case_platform'"
    ).fetchone()
    assert cases == (sample.world.dirt["case_platform", "illegal transition"],)
