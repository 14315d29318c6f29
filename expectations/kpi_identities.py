"""Identities between the KPIs, and between KPIs and the facts: SQL for the rows of `kpi_value` that break them.

Rows that are hidden for disclosure are left out. In the SQL `batch` is `kpi_value`, and {name} another table of the build.
"""

from __future__ import annotations

from expectations.fact_rules import HOURS, PRESENT
from expectations.rule import TOLERANCE, Rule, away

SCOPE = "place_key, period_type, period_start, breakdown_type, breakdown_value"
# Statistics that stand without a base.
WITHOUT_BASE = "('count', 'sum', 'stock', 'distinct', 'difference')"
COUNTED_VOTES = "state in ('closed', 'counted', 'published', 'filed') and eligible_count > 0 and returned_count is not null"
# Totals over all time of the top of a tree, straight from the facts: metric → (SQL of one number per row, table, day).
TOTALS = {
    "P01": ("if(is_held, 1, 0)", "fct_activity", "activity_date"),
    "R01.raised": ("1", "fct_case", "opened_date"),
    "R01.resolved": ("is_resolved::integer", "fct_case", "opened_date"),
    "F01.raised": ("if(kind = 'donation', amount, null)", "fct_money", "money_date"),
    "F02.awarded": ("if(kind = 'award', amount, null)", "fct_money", "money_date"),
    "F02.disbursed": ("if(kind = 'disbursement', amount, null)", "fct_money", "money_date"),
    "F02.spent": ("if(kind = 'expenditure', amount, null)", "fct_money", "money_date"),
    "P12.outstanding": ("points", "fct_points", "posted_date"),
}
INTEGRITY_OF_TOTAL = {"F02.awarded": "R8", "P12.outstanding": "R12"}


def _of_top(table: str, day: str, sums: str, where: str = "true", by: str = "") -> str:
    """SQL: sums over the facts of each tree, with its top as place_key, and each up to the end of the KPI's longest period."""
    return f"""
        select tops.place_key, {by}{sums} from {{{table}}} as facts
        inner join (select distinct place_key, tree from {{dim_place}}) as places on facts.place_key = places.place_key
        inner join (select distinct place_key, tree from {{dim_place}} where parent_place_key is null) as tops
            on places.tree = tops.tree
        inner join (
            select place_key, min(period_start) as first_day, max(period_end) as next_day from batch
            where period_type = 'all' group by all
        ) as known on known.place_key = tops.place_key and {day} >= first_day and {day} < next_day
        where {where}
        group by all"""


def _total(metric: str) -> Rule:
    number, table, day = TOTALS[metric]
    currency = "facts.currency" if table == "fct_money" else "null::varchar"
    return Rule(
        f"{metric.lower().replace('.', '_')}_over_all_time_is_that_of_the_facts",
        f"{metric} of the top of each tree over all time = what {table} adds up to",
        f"""
        select '{metric}' as metric_code, place_key, batch.currency, value, of_facts from batch
        inner join ({_of_top(table, day, f"sum({number}) as of_facts", by=f"{currency} as currency, ")}) as facts using (place_key)
        where metric_code = '{metric}' and period_type = 'all' and breakdown_type = 'none' and status != 'suppressed'
            and batch.currency is not distinct from facts.currency and {away("value", "of_facts::double")}""",
        "rows were lost or counted twice between the facts and the KPI: see models/kpis/rows",
        column="value",
        integrity=INTEGRITY_OF_TOTAL.get(metric, "R5"),
    )


IDENTITY_RULES = [
    Rule(
        "no_base_no_rate",
        f"no value where the denominator is 0 or unknown, but of {WITHOUT_BASE}",
        f"""select metric_code, {SCOPE}, numerator, denominator, value from batch
        inner join {{kpi_catalogue}} as catalogue using (metric_code)
        where value is not null and coalesce(denominator, 0) = 0 and catalogue.statistic not in {WITHOUT_BASE}""",
        "a rate without a base is NULL with status no_base, never 0 %: see models/kpis/kpi_computed.sql",
        column="value",
        integrity="R16",
    ),
    Rule(
        "the_resolution_rate_is_resolved_over_raised",
        "R02 = R01.resolved / R01.raised, resolved ≤ raised, and R04.closed and R15 of at most the resolved",
        f"""
        select * from (
            select {SCOPE}, any_value(numerator) filter (metric_code = 'R02') as rate_numerator,
                any_value(denominator) filter (metric_code = 'R02') as rate_denominator,
                any_value(value) filter (metric_code = 'R01.resolved') as resolved,
                any_value(value) filter (metric_code = 'R01.raised') as raised,
                any_value(n) filter (metric_code = 'R15.mean') as rated,
                any_value(denominator) filter (metric_code = 'R04.closed') as with_target
            from batch where metric_code in ('R01.resolved', 'R01.raised', 'R02', 'R04.closed', 'R15.mean')
            group by all having count(*) filter (status = 'suppressed') = 0
        ) where resolved > raised or rated > resolved or with_target > resolved
            or rate_denominator is not null and ({away("rate_numerator", "resolved")} or {away("rate_denominator", "raised")})""",
        "the rate and the counts come from different cases: see models/kpis/rows/kpi_row_case.sql",
        integrity="R1",
    ),
    Rule(
        "returned_and_valid_questionnaires_are_shares_of_those_before_them",
        "numerator ≤ denominator of S01 and S02",
        f"""select metric_code, {SCOPE}, numerator, denominator from batch
        where metric_code in ('S01', 'S02') and (numerator > denominator or numerator < 0)""",
        "more came back than went out: dim_survey has the counts of each wave, see models/kpis/rows/kpi_row_survey.sql",
        integrity="R2",
    ),
    Rule(
        "turnout_is_returned_over_eligible_of_all_votes",
        "P13 of the top of each tree over all time = ballots returned / eligible, summed over its votes, for each unit of voters",
        f"""
        select place_key, breakdown_value as voter_unit, numerator, returned, denominator, eligible from batch
        inner join ({_of_top(
            "fct_vote", "vote_date", "sum(returned_count) as returned, sum(eligible_count) as eligible", COUNTED_VOTES,
            "coalesce(voter_unit, 'unknown') as breakdown_value, ",
        )}) using (place_key, breakdown_value)
        where metric_code = 'P13' and period_type = 'all' and breakdown_type = 'voter_unit' and status != 'suppressed'
            and ({away("numerator", "returned::double")} or {away("denominator", "eligible::double")})""",
        "a mean of turnouts is no turnout: see models/kpis/rows/kpi_row_vote.sql",
        column="value",
        integrity="R3",
    ),
    Rule(
        "grades_add_up_to_the_subjects",
        "the numerators of S09 over all grades = its denominator, for each place and period",
        """select place_key, period_type, period_start, sum(numerator) as of_grades, max(denominator) as subjects from batch
        where metric_code = 'S09' group by all
        having count(*) filter (status = 'suppressed') = 0 and (of_grades != subjects or min(denominator) != subjects)""",
        "a subject has two grades or none: see models/kpis/rows/kpi_row_grade.sql",
        integrity="R4",
    ),
    Rule(
        "promoters_passives_and_detractors_are_those_who_answered",
        "S05.promoters + S05.passives + S05.detractors = the base of S05 = (promoters − detractors) of its value",
        f"""
        select * from (
            select {SCOPE},
                sum(value) filter (metric_code in ('S05.promoters', 'S05.passives', 'S05.detractors')) as of_groups,
                sum(if(metric_code = 'S05.promoters', value, -value)) filter (metric_code in ('S05.promoters', 'S05.detractors'))
                    as net,
                any_value(numerator) filter (metric_code = 'S05') as numerator,
                any_value(denominator) filter (metric_code = 'S05') as denominator
            from batch where metric_code in ('S05', 'S05.promoters', 'S05.passives', 'S05.detractors')
            group by all having count(*) filter (status = 'suppressed') = 0
        ) where denominator is not null and ({away("denominator", "of_groups")} or {away("numerator", "net")})""",
        "see models/kpis/rows/kpi_row_recommendation.sql",
        integrity="R5",
    ),
    Rule(
        "funds_reconcile",
        "opening + in − out − closing = 0 for each fund and month",
        """select place_key, period_start, breakdown_value as fund, currency, value as gap from batch
        where metric_code = 'F12.gap' and period_type = 'month' and breakdown_type = 'fund' and abs(value) > 0.005
            and place_key not in (select parent_place_key from {dim_place} where parent_place_key is not null)""",
        "the gap is shown as F12.gap, never spread: ask who keeps the fund's books",
        severity="info",
        column="value",
        integrity="R5",
    ),
    Rule(
        "breaches_of_a_cap_are_counted",
        "F04.breaches of the top of each tree over all time = the projects whose awards exceed their round's cap",
        f"""
        select place_key, value, breaching from batch
        inner join (
            select place_key, count(*) filter (awarded > match_ratio_cap * self_raised or awarded > match_amount_cap) as breaching
            from ({_of_top(
                "fct_money", "money_date",
                "coalesce(sum(amount) filter (kind = 'award'), 0) as awarded, "
                "coalesce(sum(amount) filter (kind = 'matching_contribution'), 0) as self_raised, "
                "coalesce(arg_min(round_code, (money_date, money_key)) filter (kind = 'award' and round_code is not null), "
                "arg_min(round_code, (money_date, money_key)) filter (round_code is not null)) as round_code, "
                "min(money_date) filter (kind = 'award') as awarded_date",
                "project_id is not null and kind in ('award', 'matching_contribution')", "project_id, ",
            )}) as projects
            inner join {{grant_round}} as rounds
                on projects.round_code = rounds.round_code and awarded_date >= coalesce(rounds.valid_from, awarded_date)
                and awarded_date < coalesce(rounds.valid_to, awarded_date + 1)
            group by all
        ) using (place_key)
        where metric_code = 'F04.breaches' and period_type = 'all' and status != 'suppressed'
            and {away("value", "breaching::double")}""",
        "see models/kpis/kpi_match_cap.sql",
        column="value",
        integrity="R6",
    ),
    Rule(
        "funnel_stages_do_not_grow",
        "P18: who reached a stage is at most who reached the one before, and the base of the next",
        f"""
        select place_key, period_type, period_start, breakdown_value as stage, numerator, denominator, reached_before from (
            select *, lag(numerator) over (
                partition by place_key, period_type, period_start
                order by list_position(['registered', 'attended', 'recorded'], breakdown_value)
            ) as reached_before
            from batch where metric_code = 'P18' and breakdown_type = 'stage'
            qualify bool_and(status != 'suppressed') over (partition by place_key, period_type, period_start)
        ) where numerator > denominator or denominator > reached_before + {TOLERANCE.format("reached_before")}""",
        "see models/kpis/rows/kpi_row_funnel.sql",
        column="numerator",
        integrity="R9",
    ),
    Rule(
        "volunteer_hours_are_those_of_credible_shifts",
        "P08 of the top of each tree over all time: as many shifts as fct_participation has verified ones of 0 < hours ≤ 24, and at "
        "most their hours",
        f"""
        select place_key, n, shifts, value, hours from batch
        inner join ({_of_top(
            "fct_participation", "participation_date", f"count(*) as shifts, sum({HOURS}) as hours",
            f"person_key is not null and action = 'volunteer' and state in {PRESENT} and is_verified "
            f"and {HOURS} > 0 and {HOURS} <= 24",
        )}) using (place_key)
        where metric_code = 'P08' and period_type = 'all' and breakdown_type = 'none' and status != 'suppressed'
            and (n != shifts or value > hours + {TOLERANCE.format("hours")} or value < 0)""",
        "hours that cannot be are counted, or overlaps twice: see models/kpis/rows/kpi_row_volunteer_shift.sql",
        column="value",
        integrity="R11",
    ),
    Rule(
        "adherence_is_kept_over_due",
        "0 ≤ kept ≤ due, P15 = kept / due between 0 and 1, and all rules together the sum of the single ones",
        f"""
        select * from (
            select place_key, period_type, period_start, max(numerator) filter (breakdown_type = 'none') as kept,
                max(denominator) filter (breakdown_type = 'none') as due,
                sum(numerator) filter (breakdown_type = 'rule') as kept_of_rules,
                sum(denominator) filter (breakdown_type = 'rule') as due_of_rules,
                max(numerator / nullif(denominator, 0)) as highest, min(value) as lowest
            from batch where metric_code = 'P15' and status != 'suppressed' group by all
        ) where highest > 1 or lowest < 0 or {away("kept", "kept_of_rules")} or {away("due", "due_of_rules")}""",
        "a window is kept twice or due twice: see models/kpis/rows/kpi_row_cadence.sql",
        integrity="R13",
    ),
    Rule(
        "attendances_are_at_least_the_persons",
        "P02 ≥ the persons of P03 who attended, for each place and period",
        """
        select place_key, period_type, period_start, attendances, persons from (
            select place_key, period_type, period_start,
                any_value(value) filter (metric_code = 'P02' and breakdown_type = 'none') as attendances,
                any_value(value) filter (metric_code = 'P03' and breakdown_type = 'action' and breakdown_value = 'attend') as persons
            from batch where metric_code in ('P02', 'P03')
                and (breakdown_type = 'none' or breakdown_type = 'action' and breakdown_value = 'attend')
            group by all having count(*) filter (status = 'suppressed') = 0
        ) where persons > attendances""",
        "人 and 人次 are mixed, or sign-ins are not counted: see models/kpis/rows/kpi_row_attendance.sql",
        integrity="R15",
    ),
    Rule(
        "what_is_cumulated_does_not_fall",
        "numerator and denominator of F03 of a later period at least those of an earlier one",
        f"""
        select place_key, period_type, period_start, breakdown_value as fund, currency, numerator, paid_before, denominator,
            awarded_before
        from (
            select *, lag(numerator) over by_start as paid_before, lag(denominator) over by_start as awarded_before
            from batch where metric_code = 'F03'
            window by_start as (partition by place_key, period_type, breakdown_type, breakdown_value, currency order by period_start)
        )
        where numerator < paid_before - {TOLERANCE.format("paid_before")}
            or denominator < awarded_before - {TOLERANCE.format("awarded_before")}""",
        "see models/kpis/kpi_fund_position.sql",
        integrity="R17",
    ),
    *(_total(metric) for metric in TOTALS),
]
