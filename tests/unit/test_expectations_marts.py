"""Rules of the marts gate on a small build: faults that hide, and what looks odd and is right. `tests/mutation` has a fault for each
rule."""

from __future__ import annotations

import duckdb
import pytest

from expectations import mart_suite, runner
from expectations.kpi_rules import CASES_BY_OUTCOME, CASES_RAISED
from expectations.results import CheckResult
from ingest.warehouse import OPS_TABLES

# A district with two communities and an unknown member. Facts hang on the communities; of some there are none.
TABLES = """
create schema marts;
create schema kpis;
create table marts.dim_place as select *, null::date as counts_from, null::date as counts_to from (values
    ('q:0', 'q', '青禾区', 'district', null), ('q:1', 'q', '和畅社区', 'community', 'q:0'),
    ('q:2', 'q', '锦塘社区', 'community', 'q:0'), ('q:unknown', 'q', '未知', 'unknown', 'q:0')
) as places (place_key, tree, place_name, place_level, parent_place_key);
create table marts.dim_question as
select 's.q1' as question_key, 'satisfaction' as dimension, 1 as scale_min, 5 as scale_max;
create table marts.dim_survey as select 's:1' as survey_key, 'q:0' as place_key, date '2026-01-02' as opened_date,
    date '2026-01-20' as closed_date, 4::bigint as issued_count, 3::bigint as returned_count, 3::bigint as valid_count;
create table marts.fct_activity as select 'a:' || i as activity_key, 'q:' || (i % 2 + 1) as place_key,
    if(i = 4, 'cancelled', 'held') as state, i != 4 as is_held, i * 10 as attendance_count, 100 as venue_capacity, date '2026-01-10' as activity_date,
    'activity_ledger' as source, 'ab' as file_id, i as row_no from range(1, 7) as numbers (i);
create table marts.fct_answer as select 's:' || i as answer_key, 's:1' as survey_key, 's.q1' as question_key,
    'q:1' as place_key, if(i = 3, null, i + 3) as answer_number, i != 3 as is_valid, i != 3 as is_satisfied
    from range(1, 4) as numbers (i);
create table marts.fct_case as
select
    'c:' || i as case_key, 'q:' || (i % 2 + 1) as place_key, if(i % 3 = 0, null, 'noise') as category,
    case i when 1 then 'open' when 2 then 'rejected' when 3 then 'withdrawn' when 4 then 'cancelled' when 5 then 'referred_out'
        else 'resolved' end as outcome,
    i > 5 as is_resolved,
    case i when 1 then 'open' when 6 then 'missing_end' when 7 then 'invalid_interval' else 'valid' end as interval_status,
    timestamptz '2026-01-05 08:00+08' as opened_at,
    case i when 1 then null when 6 then null when 7 then timestamptz '2026-01-01 08:00+08'
        else timestamptz '2026-01-05 08:00+08' + to_days(i::integer) end as ended_at,
    case when i > 7 then i end::double as resolution_days,
    case when i not in (6, 7) then i end::double as observed_days,
    timestamptz '2026-02-01 00:00+08' as observed_until_at, null::integer as rating, date '2026-01-05' as opened_date, '描述 ' || i as description,
    'issue_ledger' as source, 'ab' as file_id, i as row_no
from range(1, 13) as numbers (i);
create table marts.fct_case_event as
select case_key || ':raised' as case_event_key, case_key, 'raised' as state, opened_at as occurred_at from marts.fct_case;
create table marts.fct_money as select 'm:' || i as money_key, 'q:' || (i % 2 + 1) as place_key, 'award' as kind,
    if(i = 1, null, '专项资金') as fund, (i * 100)::decimal(18, 2) as amount, 'CNY' as currency, 'fund_ledger' as source,
    null::varchar as project_id, null::varchar as round_code, date '2026-01-12' as money_date from range(1, 5) as numbers (i);
create table marts.dim_calendar as select date '2026-01-01' + i::integer as day from range(365) as days (i);
create table marts.fct_participation (participation_key varchar, place_key varchar, activity_key varchar, person_key varchar,
    action varchar, state varchar, hours decimal(8, 2), is_verified boolean, participation_date date, started_at timestamptz,
    ended_at timestamptz, source varchar);
create table marts.fct_points (points_key varchar, place_key varchar, kind varchar, account_key varchar, points decimal(18, 2),
    rule_code varchar, item varchar, posted_at timestamptz, posted_date date,
    source varchar);
create table marts.dim_organisation (organisation_version_key varchar, place_key varchar);
create table marts.fct_role (role_key varchar, place_key varchar, valid_from date, valid_to date);
create table marts.fct_evaluation (evaluation_key varchar, place_key varchar, subject_type varchar, score double,
    scale_min double, scale_max double);
create table marts.fct_figure (figure_key varchar, place_key varchar, source varchar, kind varchar, measure varchar, unit varchar,
    process_code varchar, value double, lower double, upper double, period_start date, period_end date);
create table marts.fct_vote (vote_key varchar, place_key varchar, state varchar, voter_unit varchar, eligible_count bigint,
    issued_count bigint, returned_count bigint, valid_count bigint, invalid_count bigint, eligible_area double, returned_area double,
    opened_date date, vote_date date, closed_date date, source varchar);
create table marts.fct_vote_option (vote_option_key varchar, vote_key varchar, for_count bigint, against_count bigint,
    abstain_count bigint);
create table marts.quality_unmatched_place (source varchar, record varchar, parent_place_name varchar, place_name varchar,
    place_match varchar, row_count bigint);
create table marts.fct_population as
select 'p:1' as population_key, 'q:1' as place_key, 1000 as value, 990 as lower, 1010 as upper;
create table marts.quality_summary as
select 'issue_ledger' as source, 12 as rows_in, 12 as rows_loaded, 0 as rows_quarantined, 0 as rows_skipped;
create table marts.process_coverage as select 'A01' as process_code;
create table kpis.kpi_catalogue as select * from (values
    ('P01', '场', 'count', 'activity', 'none', 1), ('R02', 'share', 'proportion', 'case', 'none|category', 1),
    ('R03', 'share', 'ratio', 'case', 'none', 1), ('F02.awarded', 'money', 'sum', 'money', 'none|fund', 1),
    ('R01.raised', '件', 'count', 'case', 'none|category', 1), ('R01.resolved', '件', 'count', 'case', 'none|category', 1),
    ('R01.rejected', '件', 'count', 'case', 'none|category', 1), ('R01.withdrawn', '件', 'count', 'case', 'none|category', 1),
    ('R01.cancelled', '件', 'count', 'case', 'none|category', 1),
    ('R01.referred_out', '件', 'count', 'case', 'none|category', 1), ('R01.open', '件', 'count', 'case', 'none|category', 1)
) as metrics (metric_code, unit, statistic, record, breakdowns, definition_version);
"""

# The KPIs of these facts, counted straight from them at both levels.
KPIS = """
create table kpis.kpi_value as
with cases as (
    select * exclude (place_key), unnest(['q:0', place_key]) as place_key
    from (select *, unnest([['none', 'total'], ['category', coalesce(category, 'unknown')]]) as member from marts.fct_case)
),
money as (
    select * exclude (place_key), unnest(['q:0', place_key]) as place_key
    from (select *, unnest([['none', 'total'], ['fund', coalesce(fund, 'unknown')]]) as member from marts.fct_money)
),
activities as (
    select is_held, unnest(['q:0', place_key]) as place_key from marts.fct_activity
),
counted as (
    {outcomes}
    select '{raised}' as metric_code, place_key, member, null as currency, count(*) as numerator, null as denominator from cases
    group by all
    union all
    select 'R02', place_key, member, null, count(*) filter (is_resolved), count(*) from cases group by all
    union all
    select 'R03', place_key, member, null, count(*), count(*) - 1 from cases where member[1] = 'none' group by all
    union all
    select 'F02.awarded', place_key, member, currency, sum(amount), null from money group by all
    union all
    select 'P01', place_key, ['none', 'total'], null, count(*) filter (is_held), null from activities group by all
),
added as (
    select metric_code, place_key, member, currency, sum(numerator) as numerator, sum(denominator) as denominator from counted
    group by all
)
select
    added.metric_code, catalogue.definition_version, added.place_key, if(added.place_key = 'q:0', 'district', 'community') as place_level,
    added.place_key as place_path, 'month' as period_type, date '2026-01-01' as period_start,
    date '2026-02-01' as period_end, member[1] as breakdown_type, member[2] as breakdown_value,
    numerator::double as numerator, denominator::double as denominator, share as value,
    coalesce(denominator, numerator)::bigint as n, if(unit = 'share', greatest(share - 0.1, 0), null) as lower,
    if(unit = 'share', share + 0.1, null) as upper, catalogue.unit, added.currency,
    case when share is null then 'no_base' else 'ok' end as status, date '2026-01-31' as as_of, 'run 1' as run_id
from (
    select *, case when metric_code in ('R02', 'R03') then numerator / nullif(denominator, 0) else numerator end::double as share
    from added
) as added inner join kpis.kpi_catalogue as catalogue using (metric_code);
"""

PUBLIC = "create or replace table kpis.kpi_value_public as from kpis.kpi_value"


def clean_marts(connection: duckdb.DuckDBPyConnection) -> None:
    """Put a small, consistent build into a database: schemas marts and kpis."""
    outcomes = "".join(
        f"select '{code}' as metric_code, place_key, member, null as currency, "
        f"count(*) filter (outcome = '{code.removeprefix('R01.')}') as numerator, null as denominator from cases "
        "group by all\nunion all\n"
        for code in CASES_BY_OUTCOME
    )
    connection.execute(TABLES)
    connection.execute(KPIS.format(outcomes=outcomes, raised=CASES_RAISED))
    connection.execute(PUBLIC)
    connection.execute("create table kpis.kpi_recoverable (audience varchar, cell_no bigint, how varchar)")
    connection.execute(
        "create schema if not exists seeds; create table seeds.grant_round (round_code varchar, match_ratio_cap double, "
        "match_amount_cap double, valid_from date, valid_to date); create table seeds.correction (correction_id varchar, source varchar, file varchar, "
        "row_no bigint, key_column varchar, key_value varchar, column_name varchar, found_value varchar, corrected_value varchar, "
        "reason varchar, corrected_by varchar, corrected_on date)"
    )


@pytest.fixture
def build(home) -> duckdb.DuckDBPyConnection:
    """GIVEN clean marts, and one accepted batch."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(OPS_TABLES)
    clean_marts(connection)
    connection.execute("insert into ops.file (file_id, source, file_name) values ('ab', 'issue_ledger', 'issues_2026-01.csv')")
    connection.execute(
        "insert into ops.batch (batch_id, source, file_id, status, loaded_at) "
        "values ('b1', 'issue_ledger', 'ab', 'accepted', now())"
    )
    return connection


def gate(connection: duckdb.DuckDBPyConnection, only: str | None = None) -> list[CheckResult]:
    """Results of all suites of the marts gate, or of the suite of one table."""
    with runner.data_source(connection) as data_source:
        return [
            result
            for suite, query in mart_suite.mart_suites(connection)
            if only in (None, suite.name.split(".")[-1])
            for result in runner.run_suite(connection, data_source, suite, query)
        ]


def failed(results: list[CheckResult]) -> dict[tuple[str, str], str]:
    """(table, name) → severity of the checks that do not hold."""
    return {(result.suite.split(".")[-1], result.expectation): result.severity for result in results if not result.success}


def with_metrics(breakdown_type: str = "none", **values: float) -> str:
    """SQL that adds metrics of participation for the district over all time, with each value as its denominator too, and P03 in
    one member of a breakdown as well."""
    row = (
        "insert into kpis.kpi_value select * replace ('{code}' as metric_code, 'all' as period_type, '{kind}' as breakdown_type, "
        "if('{kind}' = 'none', 'total', 'unknown') as breakdown_value, {value} as value, {value} as denominator, null as lower, "
        "null as upper, 'x' as unit) from kpis.kpi_value where metric_code = 'P01' and place_key = 'q:0' and "
        "period_type = 'month'; "
    )
    return "".join(
        f"insert into kpis.kpi_catalogue values ('{code}', 'x', 'x', 'x', 'none|age_band', 1); "
        + "".join(row.format(code=code, value=value, kind=kind) for kind in {"none", breakdown_type if code == "P03" else "none"})
        for code, value in values.items()
    )


POINTS = {"P12.outstanding": 7, "P12.issued": 12, "P12.redeemed": 4, "P12.penalties": 2, "P12.expired": 1, "P12.reversed": 2}


def test_clean_marts_pass_every_check(build):
    results = gate(build)
    assert failed(results) == {}
    assert {result.suite for result in results} >= {"marts", "kpis.kpi_value", "marts.fct_case", "kpis.kpi_catalogue"}


FAULTS = {
    "a number in a hidden row of the public table": (
        "kpi_value_public",
        "hidden_rows_have_no_numbers",
        "update kpis.kpi_value_public set status = 'suppressed', value = null where metric_code = 'P01'",
    ),
    "a breakdown without a total": (
        "kpi_value",
        "breakdowns_add_up_to_the_total",
        "delete from kpis.kpi_value where metric_code = 'F02.awarded' and breakdown_type = 'none'",
    ),
    "a total without its breakdown": (
        "kpi_value",
        "breakdowns_add_up_to_the_total",
        "delete from kpis.kpi_value where metric_code = 'F02.awarded' and breakdown_type = 'fund'",
    ),
    "participants without an age band": (
        "kpi_value",
        "participants_are_the_sum_of_their_age_bands_and_the_base_of_their_shares",
        with_metrics(P03=5, P06=5, P07=5),
    ),
    "a first-time share of others than the participants": (
        "kpi_value",
        "participants_are_the_sum_of_their_age_bands_and_the_base_of_their_shares",
        with_metrics(P03=5, P06=6, P07=5, breakdown_type="age_band"),
    ),
    "a place left out on the way up": (
        "kpi_value",
        "places_below_add_up_to_their_parent",
        "delete from kpis.kpi_value where metric_code = 'P01' and place_key = 'q:0'",
    ),
    "a place counted twice": (
        "kpi_value",
        "places_below_add_up_to_their_parent",
        "update kpis.kpi_value set value = 2 * value where metric_code = 'P01' and place_key = 'q:0'",
    ),
    "fewer than the places below, in a place with records of its own": (
        "kpi_value",
        "places_below_add_up_to_their_parent",
        "update marts.fct_activity set place_key = 'q:0' where row_no = 1; update kpis.kpi_value set value = 4 where "
        "metric_code = 'P01' and place_key = 'q:0'",
    ),
    "a quarter without its months": (
        "kpi_value",
        "longer_periods_are_the_sums_of_their_months",
        "update kpis.kpi_value set period_type = 'quarter', period_end = date '2026-04-01' where metric_code = 'P01'",
    ),
    "a community that belongs to another district then": (
        "kpi_value",
        "places_below_add_up_to_their_parent",
        "insert into marts.dim_place select * replace (date '2026-01-31' as counts_from, 'q:2' as parent_place_key) "
        "from marts.dim_place where place_key = 'q:1'; "
        "update marts.dim_place set counts_to = date '2026-01-31' where place_key = 'q:1' and counts_from is null",
    ),
    "a value with status not_reached": (
        "kpi_value",
        "value_is_missing_exactly_when_the_status_says_so",
        "update kpis.kpi_value set status = 'not_reached' where metric_code = 'P01'",
    ),
    "no value with status ok": (
        "kpi_value",
        "value_is_missing_exactly_when_the_status_says_so",
        "update kpis.kpi_value set value = null where metric_code = 'P01'",
    ),
    "a rate without a base": (
        "kpi_value",
        "shares_are_numerator_over_denominator",
        "update kpis.kpi_value set denominator = 0, value = 0, lower = null where metric_code = 'R02'",
    ),
    "a currency on a count": (
        "kpi_value",
        "money_has_a_currency_and_nothing_else_has",
        "update kpis.kpi_value set currency = 'CNY' where metric_code = 'P01'",
    ),
    "a count that is not a number": (
        "kpi_value",
        "values_are_finite_numbers",
        "update kpis.kpi_value set value = 'nan' where metric_code = 'P01'",
    ),
    "a metric in another unit": (
        "kpi_value",
        "every_metric_is_in_the_catalogue",
        "update kpis.kpi_value set unit = '%' where metric_code = 'P01'",
    ),
    "resolved and still open": (
        "fct_case",
        "a_case_is_resolved_when_its_outcome_says_so",
        "update marts.fct_case set interval_status = 'open', ended_at = null, resolution_days = null where row_no = 8",
    ),
    "an end that is said to be missing": (
        "fct_case",
        "a_case_ends_after_it_was_raised_or_says_otherwise",
        "update marts.fct_case set interval_status = 'missing_end', resolution_days = null where row_no = 8",
    ),
    "an ID number in a place name": (
        "dim_place",
        "no_personal_data_in_text",
        "update marts.dim_place set place_name = '11010519491231002X' where place_key = 'q:1'",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails_its_rule(build, fault):
    table, name, sql = FAULTS[fault]
    build.execute(sql)
    assert failed(gate(build, only=table)).get((table, name)) == "critical"


HARMLESS = {
    "participants of a known number and age": with_metrics(P03=5, P06=5, P07=5, breakdown_type="age_band"),
    "fewer points than in the places below, where the place itself took some": (
        "insert into marts.fct_points (place_key) values ('q:0'); update kpis.kpi_catalogue set unit = '分' where metric_code = 'P01'; "
        "update kpis.kpi_value set unit = '分', value = if(place_key = 'q:0', 1, value) where metric_code = 'P01'"
    ),
    "a flow ratio above 1": (
        "update kpis.kpi_value set numerator = 20, denominator = 10, value = 2, upper = 2, status = 'ok' where "
        "metric_code = 'R03'"
    ),
    "a community that belongs to another district afterwards": (
        "insert into marts.dim_place select * replace ('q:9' as place_key) from marts.dim_place where place_key = 'q:0'; "
        "insert into marts.dim_place select * replace (date '2026-02-01' as counts_from, 'q:9' as parent_place_key) "
        "from marts.dim_place where place_key = 'q:1'; "
        "update marts.dim_place set counts_to = date '2026-02-01' where place_key = 'q:1' and counts_from is null"
    ),
    "a quarter that is the sum of its months": (
        "insert into kpis.kpi_value select * replace ('quarter' as period_type, date '2026-04-01' as period_end) "
        "from kpis.kpi_value where metric_code in ('P01', 'F02.awarded')"
    ),
    "rounding in the last bits": (
        "update kpis.kpi_value set value = value * (1 + 1e-13) where metric_code in ('R02', 'F02.awarded')"
    ),
    "a hidden cell, and its total": (
        "update kpis.kpi_value set value = null, status = 'suppressed', numerator = null, denominator = null, n = null, "
        "lower = null, upper = null where metric_code = 'R01.resolved'"
    ),
    "more than the places below, in a place with records of its own": (
        "update marts.fct_activity set place_key = 'q:0' where row_no = 1; update kpis.kpi_value set value = value - 1 "
        "where metric_code = 'P01' and place_key = 'q:2'"
    ),
    "a source without a place of its own": (
        "delete from marts.fct_money; delete from kpis.kpi_value where metric_code = 'F02.awarded'"
    ),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_is_right_but_looks_odd_passes(build, case):
    build.execute(HARMLESS[case])
    build.execute(PUBLIC)
    assert [name for name, severity in failed(gate(build)).items() if severity == "critical"] == []


def delivered(days: list[int]) -> str:
    """SQL of accepted files of a source, one for each number of days ago."""
    return "".join(
        "insert into ops.file (source, file_id, file_name, as_of, retrieved_at) values "
        f"('monthly', '{day}', '{day}', current_date - {day}, now()); "
        f"insert into ops.batch (batch_id, source, file_id, status, loaded_at) values ('m{day}', 'monthly', '{day}', 'accepted', now()); "
        for day in days
    )


@pytest.mark.parametrize(
    ("days", "is_late"),
    [
        ([95, 64, 33, 2], False), ([155, 125, 95, 65], True), ([150, 120, 90, 60], False),  # each month: two turns and three days
        ([12, 11, 10, 9], True), ([7, 6, 5, 4], False),  # each day
        ([800, 435, 70], False), ([1500, 1135, 770], True),  # each year
        ([200, 100], False),  # nothing can be told yet, and it was loaded today
    ],
)  # fmt: skip
def test_a_source_is_late_by_its_own_rhythm(build, days, is_late):
    build.execute(delivered(days))
    late = failed(gate(build, only="marts")).get(("marts", "every_source_has_delivered_lately"))
    assert late == ("warning" if is_late else None)


def test_a_source_without_a_rhythm_is_late_after_forty_days(build):
    build.execute("update ops.batch set loaded_at = now() - interval 42 day")
    assert failed(gate(build, only="marts")) == {("marts", "every_source_has_delivered_lately"): "warning"}


def test_points_outstanding_that_the_entries_add_up_to_are_right(build):
    build.execute(with_metrics(**POINTS))
    rule = "points_outstanding_are_issued_and_reversed_less_redeemed_penalties_and_expired"
    assert ("kpi_value", rule) not in failed(gate(build, only="kpi_value"))


def test_a_missing_table_is_said_once_and_not_compared_with(build):
    build.execute("drop table kpis.kpi_value")
    results = gate(build)
    assert failed(results) == {("marts", "every_table_that_readers_rely_on_exists_once"): "critical"}
    assert "table_name=kpi_value" in next(result for result in results if not result.success).message


def test_a_failure_names_the_key_or_the_file_and_row(build):
    build.execute("update kpis.kpi_value set value = value + 1 where metric_code = 'R01.open' and place_key = 'q:1'")
    build.execute("update marts.fct_case set description = '电话：13912345678' where row_no = 8")
    by_name = {result.expectation: result for result in gate(build) if not result.success}
    identity = by_name["cases_raised_are_resolved_rejected_withdrawn_cancelled_referred_out_or_open"]
    assert "place_key=q:1, period_type=month, period_start=2026-01-01, breakdown_type=category" in identity.message
    private = by_name["no_personal_data_in_text"]
    assert "source=issue_ledger, file_name=issues_2026-01.csv, row 8, found_in=description" in private.message
    assert "13912345678" not in private.message


def test_a_column_is_exempt_from_the_search_where_its_model_says_so(build, monkeypatch, tmp_path):
    build.execute("update marts.fct_case set description = '案件 13912345678' where row_no = 8")
    monkeypatch.setattr(mart_suite, "columns_that_may_contain_numbers", lambda: {("fct_case", "description")})
    assert failed(gate(build)) == {}


def test_half_of_what_is_published_is_a_warning(build, home):
    version = home / "published" / "v1"
    version.mkdir(parents=True)
    with duckdb.connect(str(version / "marts.duckdb")) as published:
        published.execute("create table fct_case as from range(25); create table fct_money as from range(8)")
    (home / "published" / "current").symlink_to(version)
    results = gate(build)
    assert failed(results) == {("fct_case", "not_less_than_half_of_what_is_published"): "warning"}
    (message,) = [result.message for result in results if not result.success]
    assert message.startswith(
        "expected: at least 13 rows (the version in force has 25); found: 12 rows; look at: marts.fct_case; do: "
    )
