"""Faults of KPIs: one visible row of kpi_value each, unless it is about rows that are missing or hidden."""

from __future__ import annotations

from tests.mutation.mutation import Mutation

TABLE = "kpis.kpi_value"
TOP = "(select place_key from marts.dim_place where place_level = 'district')"
# What a row of kpi_value is named by, and the condition that finds it again.
NAMES = "metric_code, place_key, period_start::varchar"
IT = "metric_code = '{0}' and place_key = '{1}' and period_start = date '{2}'"


def row(metric: str, where: str = "true", names: str = NAMES) -> str:
    """SQL that picks one shown row of a metric."""
    return f"select {names} from {TABLE} where metric_code = '{metric}' and status != 'suppressed' and {where} order by all limit 1"


def of_row(fault: str, caught_by: str, metric: str, change: str, where: str = "true") -> Mutation:
    """A fault of one row. `change`: the SET of an update. `where`: which row."""
    return Mutation(TABLE, fault, caught_by, row(metric, where), f"update {TABLE} set {change} where {where} and {IT}")


def of_top(fault: str, caught_by: str, metric: str, change: str = "value = value + 1") -> Mutation:
    """A fault of the top of the tree over all time; the failing row names the place."""
    where = f"place_key = {TOP} and period_type = 'all' and breakdown_type = 'none'"
    return Mutation(
        TABLE, fault, caught_by, row(metric, where, "metric_code, place_key"),
        f"update {TABLE} set {change} where {where} and metric_code = '{{0}}'",
    )  # fmt: skip


PLACE_AND_PERIOD = "place_key, period_type, period_start::varchar"
AT = "place_key = '{0}' and period_type = '{1}' and period_start = date '{2}'"


def of_period(fault: str, caught_by: str, metric: str, change: str, where: str = "true") -> Mutation:
    """A fault of one row; the failing row names place and period, not the metric."""
    return Mutation(
        TABLE, fault, caught_by, row(metric, where, PLACE_AND_PERIOD),
        f"update {TABLE} set {change} where metric_code = '{metric}' and {where} and {AT}",
    )  # fmt: skip


MONTH = "period_type = 'month' and breakdown_type = 'none'"

OF_KPIS = [
    Mutation(
        TABLE, "a KPI comes out twice", "kpi_value_has_one_row_per_key", row("F13.gini"),
        f"insert into {TABLE} from {TABLE} where {IT}",
    ),
    Mutation(
        TABLE, "a metric in another unit than its definition", "every_metric_is_in_the_catalogue",
        row("F13.top_share", names="metric_code"),
        f"update {TABLE} set unit = '%' where metric_code = '{{0}}'",
    ),
    Mutation(
        TABLE, "a metric of the catalogue is not computed", "every_metric_of_the_catalogue_has_rows",
        row("F08.top_donor", names="metric_code"), f"delete from {TABLE} where metric_code = '{{0}}'",
    ),
    Mutation(
        TABLE, "a KPI of a place that nobody knows", "every_kpi_belongs_to_a_known_place", "select 'nowhere'",
        f"update {TABLE} set place_key = '{{0}}' where metric_code = 'F08.diversity' and period_type = 'year'",
    ),
    of_row("a period that ends as it begins", "periods_start_before_they_end_and_breakdowns_are_named", "F06.project",
           "period_end = period_start"),
    of_row("a value under the status no_base", "value_is_missing_exactly_when_the_status_says_so", "F09.ratio", "status = 'no_base'",
           "value is not null"),
    Mutation(
        TABLE, "a hidden row that shows how many people", "hidden_rows_have_no_numbers",
        f"select {NAMES} from {TABLE} where metric_code = 'P11' and status = 'suppressed' order by all limit 1",
        f"update {TABLE} set n = 3 where {IT} and status = 'suppressed'",
    ),
    of_row("divided by zero", "values_are_finite_numbers", "F05", "value = 'inf', upper = null"),
    of_row("a lower bound above the value", "value_lies_within_its_bounds", "R12", "lower = value + 0.01", "lower is not null"),
    of_row("twice as many led by residents as were held", "proportions_lie_between_0_and_1", "P17",
           "numerator = 2 * denominator, value = 2, upper = 2", "numerator > 0"),
    of_row("an average of rates instead of their sum", "shares_are_numerator_over_denominator", "R10", "value = value - 1e-6",
           "value > 0.1"),
    of_row("money without its currency", "money_has_a_currency_and_nothing_else_has", "F06.attendance_awarded", "currency = null"),
    of_row("known up to next month", "nothing_is_known_beyond_today", "R05.median", "as_of = current_date + 30"),
    of_period("an open case too many", "cases_raised_are_resolved_rejected_withdrawn_cancelled_referred_out_or_open", "R01.open",
              "value = value + 1", MONTH),
    Mutation(
        TABLE, "points issued that are not in the balance",
        "points_outstanding_are_issued_and_reversed_less_redeemed_penalties_and_expired", f"select {TOP}, 'all'",
        f"update {TABLE} set value = value + 1 where metric_code = 'P12.issued' and place_key = '{{0}}' and period_type = '{{1}}'",
    ),
    of_period("a participant of no age band", "participants_are_the_sum_of_their_age_bands_and_the_base_of_their_shares", "P03",
              "value = value + 1", f"period_type = 'all' and breakdown_type = 'none' and place_key = {TOP}"),
    of_row("a fund that gave more than the total", "breakdowns_add_up_to_the_total", "F02.awarded", "value = value + 1",
           "breakdown_type = 'fund' and period_type = 'month'"),
    of_row("five sessions of the communities that the town did not get", "places_below_add_up_to_their_parent", "P16.sessions", "value = value - 5",
           f"{MONTH} and place_key in (select place_key from marts.dim_place where place_level = 'town')"),
    of_row("a quarter with a month left out", "longer_periods_are_the_sums_of_their_months", "P20.founded", "value = value + 1",
           "period_type = 'quarter'"),
    of_row("a rate without a base", "no_base_no_rate", "F11.amount", "denominator = 0", "value is not null"),
    of_period("a rate of other cases than were counted", "the_resolution_rate_is_resolved_over_raised", "R02",
              "numerator = numerator + 1", f"{MONTH} and numerator < denominator"),
    of_row("more questionnaires returned than issued", "returned_and_valid_questionnaires_are_shares_of_those_before_them", "S01",
           "numerator = denominator + 1", "denominator > 0"),
    Mutation(
        TABLE, "a mean of turnouts", "turnout_is_returned_over_eligible_of_all_votes",
        f"select place_key, breakdown_value from {TABLE} where metric_code = 'P13' and place_key = {TOP} and period_type = 'all' "
        "and status != 'suppressed' order by all limit 1",
        f"update {TABLE} set numerator = round(0.5 * denominator), value = round(0.5 * denominator) / denominator where "
        "metric_code = 'P13' and place_key = '{0}' and breakdown_value = '{1}' and period_type = 'all'",
    ),
    of_period("a subject with two grades", "grades_add_up_to_the_subjects", "S09", "numerator = numerator + 1",
              f"period_type = 'all' and numerator > 0 and numerator < denominator and place_key = {TOP}"),
    of_period("passives that are not among those who answered", "promoters_passives_and_detractors_are_those_who_answered",
              "S05.passives", "value = value + 1", f"period_type = 'all' and place_key = {TOP}"),
    Mutation(
        TABLE, "a fund whose month does not reconcile", "funds_reconcile",
        f"select place_key, period_start::varchar, breakdown_value from {TABLE} where metric_code = 'F12.gap' and value = 0 and "
        "period_type = 'month' and breakdown_type = 'fund' and place_key not in (select parent_place_key from marts.dim_place "
        "where parent_place_key is not null) order by all limit 1",
        f"update {TABLE} set value = 12.34 where metric_code = 'F12.gap' and place_key = '{{0}}' and period_type = 'month' and "
        "period_start = date '{1}' and breakdown_value = '{2}'",
    ),
    Mutation(
        TABLE, "breaches of a cap are not counted", "breaches_of_a_cap_are_counted", f"select {TOP}",
        f"update {TABLE} set value = 0 where metric_code = 'F04.breaches' and place_key = '{{0}}' and period_type = 'all'",
    ),
    of_period("more were recorded than had attended", "funnel_stages_do_not_grow", "P18", "denominator = denominator + 5",
              f"breakdown_value = 'recorded' and period_type = 'all' and place_key = {TOP}"),
    Mutation(
        TABLE, "shifts of 30 hours are counted", "volunteer_hours_are_those_of_credible_shifts", f"select {TOP}",
        f"update {TABLE} set n = n + 9, value = value + 270 where metric_code = 'P08' and place_key = '{{0}}' and period_type = 'all'",
    ),
    of_period("a window kept that was not due", "adherence_is_kept_over_due", "P15", "denominator = denominator - 1",
              f"{MONTH} and denominator > 1"),
    of_period("persons instead of attendances", "attendances_are_at_least_the_persons", "P02", "value = 1",
              f"{MONTH} and place_key = {TOP}"),
    of_period("payments so far that fall", "what_is_cumulated_does_not_fall", "F03", "numerator = 1",
              f"period_type = 'year' and breakdown_type = 'none' and place_key = {TOP} and period_start = date '2026-01-01'"),
    of_top("an activity is lost on its way", "p01_over_all_time_is_that_of_the_facts", "P01"),
    of_top("a case is counted twice", "r01_raised_over_all_time_is_that_of_the_facts", "R01.raised"),
    of_top("a case is resolved in the KPI only", "r01_resolved_over_all_time_is_that_of_the_facts", "R01.resolved"),
    of_top("a donation is counted twice", "f01_raised_over_all_time_is_that_of_the_facts", "F01.raised"),
    of_top("more is granted than the awards add up to", "f02_awarded_over_all_time_is_that_of_the_facts", "F02.awarded"),
    of_top("an instalment is left out", "f02_disbursed_over_all_time_is_that_of_the_facts", "F02.disbursed", "value = value - 900"),
    of_top("an expense is left out", "f02_spent_over_all_time_is_that_of_the_facts", "F02.spent", "value = value - 219"),
    of_top("a balance that is not the sum of its entries", "p12_outstanding_over_all_time_is_that_of_the_facts", "P12.outstanding",
           "value = value + 7"),
    Mutation(
        "kpis.kpi_value_public", "a number that the public must not see",  "hidden_rows_have_no_numbers",
        f"select {NAMES} from kpis.kpi_value_public where metric_code = 'P11' and status = 'suppressed' order by all limit 1",
        f"update kpis.kpi_value_public set numerator = 4 where {IT} and status = 'suppressed'",
    ),
    Mutation(
        "kpis.kpi_recoverable", "a count of few people follows from the others", "no_count_of_few_people_is_shown_or_can_be_worked_out",
        "select '7'", "insert into kpis.kpi_recoverable values ('internal', {0}, 'worked out')",
    ),
    Mutation(
        "kpis.kpi_survival_curve", "a curve that rises", "a_curve_falls_from_1_to_0_within_its_interval",
        "select place_key, elapsed_days::varchar from kpis.kpi_survival_curve where period_type = 'all' and elapsed_days > 5 "
        "order by all limit 1",
        "update kpis.kpi_survival_curve set open_share = 1 where period_type = 'all' and place_key = '{0}' and elapsed_days = {1}",
    ),
]  # fmt: skip
