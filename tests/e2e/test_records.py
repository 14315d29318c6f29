"""A source that tells of all fifteen records builds and publishes: every mart takes rows, and each finds what it refers to."""

from __future__ import annotations

import shutil

import duckdb
import pytest

from tests.conftest import PROJECT
from tests.e2e.test_adding_a_source import gmw

DECLARATION = """
version: 2
sources:
  - name: trial
    schema: raw
    tables:
      - name: trial
        description: One row per nothing in particular.
        config:
          meta:
            ingest:
              family: activity
              title: 试验
              owner: Data team
              producer: Data team
              licence: internal
              connector: {type: drop_folder, root: drop, pattern: "trial/*.csv"}
              schedule: "0 4 1 * *"
              time_zone: Asia/Shanghai
              delivery: {mode: snapshot}
        columns:
          - name: remark
"""

HERE = {"tree": "trial", "place_code": "c1", "place_name": None, "parent_place_name": None}
NOWHERE = {**HERE, "place_code": None}
DAY, MOMENT = "2026-03-05", "2026-03-05 09:00:00+08"

# Record → rows as a staging model gives them.
RECORDS: dict[str, list[dict[str, object]]] = {
    "place": [
        {"tree": "trial", "place_code": code, "place_name": name, "place_name_en": None, "place_level": level,
         "process_code": "J12", "parent_place_code": parent, "valid_from": None, "valid_to": None}
        for code, name, level, parent in [("d", "试验区", "district", None), ("c1", "甲社区", "community", "d")]
    ],
    "population": [
        {**HERE, "as_of_date": DAY, "measure": "households", "process_code": "J13", "value": 900, "lower": 900, "upper": 900,
         "approx": "exact"},
    ],
    "organisation": [
        {**HERE, "organisation_id": "team", "kind": "volunteer_team", "process_code": "D06", "organisation_name": name,
         "parent_organisation_id": None, "member_count": members, "party_member_count": None, "valid_from": since, "valid_to": until}
        for name, members, since, until in [("旧名队", 40, "2025-01-01", "2026-01-01"), ("新名队", 300, "2026-01-01", None)]
    ],
    "role": [
        {**HERE, "role_id": number, "kind": "building_head", "process_code": "H10", "person_key": person, "organisation_id": None,
         "post": "3栋楼长", "grade": None, "appointed_by": "election", "valid_from": DAY, "valid_to": None}
        for number, person in [("1", "hash"), ("2", None)]
    ],
    "activity": [
        {**HERE, "activity_id": "a1", "kind": "lecture", "process_code": "I09", "activity_name": "讲座", "activity_type": "讲座",
         "mode": "offline", "host_name": "居委会", "host_type": "居委会", "activity_date": DAY, "started_at": MOMENT,
         "state": "held", "attendance_count": 24},
    ],
    "participation": [
        {**place, "participation_id": number, "kind": "attendance", "process_code": "I09", "activity_source": None,
         "activity_id": activity, "person_key": person, "group_name": group, "head_count": count, "organisation_id": "team",
         "action": "attend", "state": "attended", "hours": 1.5, "is_verified": True, "participation_date": DAY,
         "started_at": MOMENT, "ended_at": None}
        for number, place, activity, person, group, count in [
            ("person", NOWHERE, "a1", "hash", None, None), ("group", HERE, "a1", None, "居民", 23),
            ("unlisted", HERE, "a9", "hash", None, None), ("shift", HERE, None, "hash", None, None),
        ]
    ],
    "points": [
        {**HERE, "entry_id": number, "kind": kind, "process_code": "D01", "account_key": "hash", "points": points,
         "rule_code": "1h=1", "reference_id": "shift", "item": None, "quantity": None, "posted_at": MOMENT}
        for number, kind, points in [("1", "time", 1.5), ("2", "redemption", -1)]
    ],
    "case": [
        {**HERE, "case_id": "k1", "kind": "dispute", "process_code": "B01", "category": None, "channel": None,
         "outcome": "resolved", "opened_at": MOMENT, "ended_at": "2026-03-07 09:00:00+08", "last_changed_at": None},
    ],
    "case_event": [
        {"case_id": "k1", "state": state, "occurred_at": f"2026-03-{day} 09:00:00+08"}
        for day, state in [("05", "intake"), ("06", "performed"), ("07", "agreed")]
    ],
    "vote": [
        {**HERE, "vote_id": "v1", "kind": "committee_election", "process_code": "C01", "title": "业委会换届", "state": "counted",
         "result": "passed", "announced_date": "2026-02-01", "opened_date": DAY, "closed_date": DAY, "eligible_count": 133,
         "issued_count": 133, "returned_count": 132, "valid_count": 131, "invalid_count": 1, "eligible_area": 12000.5,
         "returned_area": 11900, "voter_unit": "household"},
    ],
    "vote_option": [
        {"vote_id": "v1", "option_no": number, "option_label": None, "for_count": 100, "against_count": 30, "abstain_count": 1,
         "for_area": None, "is_chosen": True}
        for number in ("1", "2")
    ],
    "survey": [
        {**HERE, "survey_id": "s1", "kind": "questionnaire", "process_code": "G01", "title": "问卷", "wave": "1", "method": "visit",
         "opened_date": DAY, "closed_date": DAY, "issued_count": 2, "returned_count": 1},
    ],
    "question": [
        {"question_code": "q1", "question_text": "满意吗", "dimension": "satisfaction", "scale_min": 1, "scale_max": 5,
         "satisfied_codes": "4,5", "is_headline": True},
    ],
    "answer": [
        {**HERE, "survey_id": "s1", "respondent_id": "r1", "question_code": "q1", "answer_text": "满意", "answer_number": 4,
         "is_valid": True, "is_satisfied": True},
    ],
    "evaluation": [
        {**HERE, "evaluation_id": "e1", "kind": "public_evaluation", "process_code": "G03", "round": "2026", "subject_type": "person",
         "subject_key": "hash", "evaluator_type": "residents", "dimension": None, "score": 92.5, "scale_min": 0, "scale_max": 100,
         "grade": "excellent", "rank": 1, "is_passed": True, "evaluated_date": DAY},
    ],
    "money": [
        {**HERE, "money_id": number, "kind": kind, "process_code": "C09", "source_type": None, "counterparty_key": None,
         "amount": 100, "currency": "CNY", "money_date": DAY, "fund": None, "project_id": None}
        for number, kind in [("1", "fee_bill"), ("2", "fee_payment")]
    ],
    "figure": [
        {**HERE, "figure_id": "f1", "kind": "press", "process_code": "G12", "measure": "acquaintance", "value": 145000,
         "lower": 145000, "upper": 146000, "approx": "gt", "unit": "元", "raw_value": 14.5, "repair": "match_cap",
         "published_decimals": 1, "source_reference": "S0 p. 3", "period_start": "2022-01-01", "period_end": "2023-01-01",
         "reported_date": None},
    ],
}
# Moments; everything else is cast by the intermediate model of the record.
MOMENTS = {"started_at", "ended_at", "opened_at", "occurred_at", "last_changed_at", "posted_at"}
MARTS = {
    "population": "fct_population", "organisation": "dim_organisation", "role": "fct_role", "activity": "fct_activity",
    "participation": "fct_participation", "points": "fct_points", "case": "fct_case", "case_event": "fct_case_event",
    "vote": "fct_vote", "vote_option": "fct_vote_option", "survey": "dim_survey", "question": "dim_question",
    "answer": "fct_answer", "evaluation": "fct_evaluation", "money": "fct_money", "figure": "fct_figure",
}  # fmt: skip


def _literal(name: str, value: object) -> str:
    text = "null" if value is None else repr(value) if isinstance(value, str) else str(value).lower()
    return f"{text}::{'timestamptz' if name in MOMENTS else 'varchar'} as {name}" if value is None or name in MOMENTS else f"{text} as {name}"


def _staging_model(rows: list[dict[str, object]]) -> str:
    selects = [
        "select " + ", ".join(_literal(name, value) for name, value in row.items())
        + ", null::varchar as _reject_reason, {{ provenance() }} from delivered"
        for row in rows
    ]
    return "with delivered as (select * from {{ delivered_rows('trial') }})\n" + "\nunion all\n".join(selects) + "\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """GIVEN a copy of the project with one source that tells of every record. WHEN it is run."""
    root = tmp_path_factory.mktemp("records")
    for name in ("ingest", "expectations", "exports", "orchestration", "dbt_project"):
        shutil.copytree(PROJECT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "target"))
    folder = root / "dbt_project" / "models" / "staging" / "trial"
    folder.mkdir()
    (folder / "_trial__sources.yml").write_text(DECLARATION, encoding="utf-8")
    for record, rows in RECORDS.items():
        (folder / f"stg_trial__{record}.sql").write_text(_staging_model(rows), encoding="utf-8")
    (root / "home" / "drop" / "trial").mkdir(parents=True)
    (root / "home" / "drop" / "trial" / "trial.csv").write_text("remark\nx\n", encoding="utf-8")
    done = gmw(root, root / "home", "run", "trial")
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(root / "home" / "warehouse" / "gmw_build.duckdb"), read_only=True) as connection:
        yield connection


@pytest.mark.parametrize("record", MARTS)
def test_every_record_reaches_its_mart(built: duckdb.DuckDBPyConnection, record: str) -> None:
    (count,) = built.execute(f"select count(*) from marts.{MARTS[record]} where source = 'trial'").fetchone()
    assert count == len(RECORDS[record])


def test_a_participation_finds_its_activity_and_takes_its_place(built: duckdb.DuckDBPyConnection) -> None:
    rows = built.execute(
        "select participation_key, activity_match, place_key, head_count, is_person_level from marts.fct_participation order by 1"
    ).fetchall()
    assert rows == [
        ("trial:group", "known", "trial:c1", 23, False),
        ("trial:person", "known", "trial:c1", 1, True),
        ("trial:shift", "none", "trial:c1", 1, True),
        ("trial:unlisted", "unknown", "trial:c1", 1, True),
    ]


def test_an_organisation_keeps_its_key_through_its_validity_periods(built: duckdb.DuckDBPyConnection) -> None:
    rows = built.execute("select organisation_key, organisation_version_key from marts.dim_organisation order by 2").fetchall()
    assert rows == [("trial:team", "trial:team@2025-01-01"), ("trial:team", "trial:team@2026-01-01")]


def test_money_moves_in_the_direction_of_its_kind(built: duckdb.DuckDBPyConnection) -> None:
    rows = built.execute("select kind, direction from marts.fct_money order by 1").fetchall()
    assert rows == [("fee_bill", "commitment"), ("fee_payment", "in")]


def test_an_illegal_transition_is_reported_and_the_case_stays_as_it_is(built: duckdb.DuckDBPyConnection) -> None:
    rows = built.execute("select from_state, to_state, reason from marts.quality_illegal_transition order by occurred_at").fetchall()
    assert rows == [("intake", "performed", "not_allowed"), ("performed", "agreed", "not_allowed")]
    assert built.execute("select count(*) from marts.fct_case_event").fetchone() == (3,)


def test_the_processes_that_left_records_are_covered_and_the_others_are_not(built: duckdb.DuckDBPyConnection) -> None:
    rows = built.execute(
        "select process_code, record_count from marts.process_coverage where record_count > 0 order by 1"
    ).fetchall()
    assert rows == [
        ("B01", 4), ("C01", 1), ("C09", 2), ("D01", 2), ("D06", 2), ("G01", 2), ("G03", 1), ("G12", 1), ("H10", 2),
        ("I09", 5), ("J12", 1), ("J13", 1),
    ]  # fmt: skip
    assert built.execute("select count(*) from marts.process_coverage").fetchone() == (178,)
    (seen,) = built.execute("select last_seen_at = timestamptz '2026-03-05 00:00:00+08' from marts.process_coverage where process_code = 'I09'").fetchone()
    assert seen


def test_the_participation_figures_are_those_that_a_hand_computes(built: duckdb.DuckDBPyConnection) -> None:
    """One of 24 declared guests signed in, one person signed in elsewhere twice; 23 more were counted as a group."""
    figures = built.execute("""
        select metric_code, breakdown_value, numerator, denominator, value from kpis.kpi_computed
        where place_key = 'trial:d' and period_type = 'all' and metric_code like 'P%'
            and breakdown_type in ('none', 'voter_unit', 'stage')
        order by all
    """).fetchall()
    assert figures == [
        ("P01", "total", 1, None, 1),
        ("P02", "total", 3, None, 3),
        ("P02.difference", "total", 23, None, 23),
        ("P03", "total", 1, None, 1),
        ("P04.pop", "total", 1, 0, None),
        ("P05", "total", 1, 1, 1),
        ("P05.outliers", "total", 0, None, 0),
        ("P06", "total", 1, 1, 1),
        ("P07", "total", 1, 1, 1),
        ("P12.issued", "total", 1.5, None, 1.5),
        ("P12.negative_accounts", "total", 0, None, 0),
        ("P12.outstanding", "total", 0.5, None, 0.5),
        ("P12.redeemed", "total", 1, None, 1),
        ("P12.redeemed_without_rule", "total", 0, None, 0),
        ("P13", "household", 132, 133, 132 / 133),
        ("P13.area", "total", 11900, 12000.5, 11900 / 12000.5),
        ("P14.valid", "household", 131, 132, 131 / 132),
        ("P18", "attended", 26, 26, 1),
        ("P18", "recorded", 0, 26, 0),
        ("P18", "registered", 26, 26, 1),
        ("P19", "total", 0, 0, None),
    ]
