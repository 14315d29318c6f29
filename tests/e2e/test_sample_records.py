"""The demonstration district, row by row: what its generator drew is what the warehouse understood of its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from ingest import warehouse
from samples.world import World

TREE = "qinghe_district"
LOCAL = "at time zone 'Asia/Shanghai'"


def place(code: str | None) -> str | None:
    """The key of a place."""
    return code and f"{TREE}:{code}"


# Record → (what is true, as tuples; the same from the warehouse). Of a person only whether somebody is named: keys are hashes.
RECORDS: dict[str, tuple[Callable[[World], Iterable[tuple]], str]] = {
    "place": (
        lambda world: ((place(p.code), p.name, p.level, place(p.parent), p.valid_from, p.valid_to) for p in world.places),
        "select place_key, place_name, place_level, parent_place_key, valid_from, valid_to from intermediate.int_place_version "
        f"where tree = '{TREE}' and not is_unknown_member",
    ),
    "population": (
        lambda world: ((place(p.place), p.as_of, p.measure, p.value) for p in world.populations),
        "select place_key, as_of_date, measure, value::bigint from {rows}",
    ),
    "organisation": (
        lambda world: ((o.organisation_id.split(":")[-1], place(o.place), o.kind, o.process_code, o.valid_from, o.valid_to, o.founded,
                        o.admitted, o.graduated, o.dissolved) for o in world.organisations),
        "select split_part(organisation_key, ':', 2), place_key, kind, process_code, valid_from, valid_to, founded_date, admitted_date, "
        "graduated_date, dissolved_date from {rows}",
    ),
    "role": (
        lambda world: ((place(r.place), r.kind, r.process_code, r.person is None, r.valid_from, r.valid_to) for r in world.roles),
        "select place_key, kind, process_code, is_vacant, valid_from, valid_to from {rows}",
    ),
    "activity": (
        lambda world: ((a.activity_id, place(a.place), a.kind, a.process_code, a.day, a.state, a.activity_type, a.mode, a.host_type,
                        a.headcount, a.framework_element, a.is_resident_led, a.venue_capacity) for a in world.activities),
        "select activity_key, place_key, kind, process_code, activity_date, state, activity_type, mode, host_type, attendance_count, "
        "framework_element, is_resident_led, venue_capacity from {rows}",
    ),
    "participation": (
        lambda world: ((p.participation_id, place(p.place), p.kind, p.process_code, p.day, p.action, p.state, p.activity_id,
                        p.person is None, p.household is None, p.age_band, p.hours, p.is_verified) for p in world.participations),
        "select participation_key, place_key, kind, process_code, participation_date, action, state, activity_key, person_key is null, "
        "household_key is null, age_band, hours, is_verified from {rows}",
    ),
    "points": (
        lambda world: ((place(p.place), p.kind, p.process_code, p.points, p.posted, p.rule_code) for p in world.points),
        f"select place_key, kind, process_code, points, posted_at {LOCAL}, rule_code from {{rows}}",
    ),
    "case": (
        lambda world: ((c.case_id, place(c.place), c.kind, c.process_code, c.category, c.opened, c.ended, c.outcome, c.due,
                        c.response_due, c.first_response, c.activity_id, c.rating, c.rating_is_default, c.observed_until)
                       for c in world.cases),
        f"select case_key, place_key, kind, process_code, category, opened_at {LOCAL}, ended_at {LOCAL}, outcome, due_date, "
        f"response_due_at {LOCAL}, first_response_at {LOCAL}, activity_key, rating, rating_is_default, observed_until_at {LOCAL} "
        "from {rows}",
    ),
    "case_event": (
        lambda world: ((c.case_id, event.state, event.moment) for c in world.cases for event in c.events),
        f"select case_key, state, occurred_at {LOCAL} from {{rows}}",
    ),
    "vote": (
        lambda world: ((place(v.place), v.kind, v.process_code, v.day, v.state, v.result, v.voter_unit, v.eligible, v.issued, v.returned,
                        v.valid, v.invalid) for v in world.votes),
        "select place_key, kind, process_code, vote_date, state, result, voter_unit, eligible_count, issued_count, returned_count, "
        "valid_count, invalid_count from {rows}",
    ),
    "survey": (
        lambda world: ((s.survey_id, place(s.place), s.kind, s.process_code, s.opened, s.closed, s.issued, s.returned, s.valid, s.is_opt_in)
                       for s in world.surveys),
        "select survey_key, place_key, kind, process_code, opened_date, closed_date, issued_count, returned_count, valid_count, is_opt_in "
        "from {rows}",
    ),
    "question": (
        lambda world: ((q.key, q.dimension, q.topic, q.scale_min, q.scale_max, ",".join(map(str, q.satisfied))) for q in world.questions),
        "select question_key, dimension, topic, scale_min, scale_max, satisfied_codes from {rows}",
    ),
    "answer": (
        lambda world: ((a.respondent, a.question, place(a.place), a.code) for survey in world.surveys for a in survey.answers),
        "select respondent_key, question_key, place_key, answer_number from {rows}",
    ),
    "evaluation": (
        lambda world: ((place(e.place), e.kind, e.process_code, e.round, e.evaluator_type, e.dimension, e.score, e.grade, e.day)
                       for e in world.evaluations),
        "select place_key, kind, process_code, round, evaluator_type, dimension, score, grade, evaluated_date from {rows}",
    ),
    "money": (
        lambda world: ((place(m.place), m.kind, m.process_code, m.day, m.amount, m.currency, m.source_type, m.is_government,
                        m.counterparty is None, m.fund, m.project, m.round_code, m.households) for m in world.money),
        "select place_key, kind, process_code, money_date, amount, currency, source_type, is_government, counterparty_key is null, fund, "
        "project_id, round_code, household_count from {rows}",
    ),
    "figure": (
        lambda world: ((place(f.place), f.kind, f.process_code, f.measure, f.value, f.lower, f.upper, f.unit, f.period_start, f.period_end)
                       for f in world.figures),
        "select place_key, kind, process_code, measure, value, lower, upper, unit, period_start, period_end from {rows}",
    ),
}  # fmt: skip
DIMENSIONS = ("organisation", "survey", "question")
OTHER_TREES = "published_figures"


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_stands_in_the_warehouse_as_it_was_drawn(installation: Path, world: World, record: str) -> None:
    truth, query = RECORDS[record]
    rows = f"(from marts.{'dim' if record in DIMENSIONS else 'fct'}_{record} where source != '{OTHER_TREES}')"
    expected = Counter(truth(world))
    with warehouse.reader() as connection:
        found = Counter(connection.execute(query.format(rows=rows)).fetchall())
    missing, beyond = expected - found, found - expected
    assert not missing and not beyond, (
        f"{missing.total()} of {expected.total()} are missing, such as {list(missing)[:3]}; {beyond.total()} were never drawn, such as "
        f"{list(beyond)[:3]}"
    )


def test_the_rows_that_nobody_can_understand_are_in_quarantine_and_no_other(installation: Path, world: World) -> None:
    with warehouse.reader() as connection:
        found = dict(connection.execute(
            "select source, count(distinct (file_id, row_no)) from marts.quality_rejected_row group by source"
        ).fetchall())  # fmt: skip
    assert found == world.quarantined
