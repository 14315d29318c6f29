"""What must hold for `kpi_value` and `kpi_catalogue` before anybody reads them: SQL for the rows that break it.

In the SQL `batch` is `kpi_value`; {own_places} are the places that have records of their own, other names tables of the build.
"""

from __future__ import annotations

from expectations.rule import TOLERANCE, Rule, away

KEY = "metric_code, place_key, period_type, period_start, breakdown_type, breakdown_value, currency"
PERIOD = "period_type, period_start"
# How cases raised split up by what became of them (metrics.md R01: an identity, without remainder).
CASES_RAISED = "R01.raised"
CASES_BY_OUTCOME = ("R01.resolved", "R01.rejected", "R01.withdrawn", "R01.cancelled", "R01.referred_out", "R01.open")
# How points outstanding come about (metrics.md P12: an identity wherever every entry has the sign of its kind).
POINTS_IN, POINTS_OUT = ("P12.issued", "P12.reversed"), ("P12.redeemed", "P12.penalties", "P12.expired")
# Statistics whose values add up over the members of a breakdown and over the places below one.
ADDITIVE = "('count', 'sum', 'stock')"
WITHOUT_VALUE = "('no_base', 'not_reached', 'suppressed')"


KPI_VALUE_RULES = [
    Rule(
        "kpi_value_has_one_row_per_key",
        f"one row per {KEY}",
        f"select {KEY}, count(*) as row_count from batch group by all having count(*) > 1",
        "two models or two places give the same KPI: see models/kpis/kpi_value.sql",
    ),
    Rule(
        "every_metric_is_in_the_catalogue",
        "metric_code, definition_version and unit as the catalogue has them",
        """select metric_code, batch.definition_version, batch.unit, count(*) as row_count from batch
        left join {kpi_catalogue} as catalogue using (metric_code)
        where catalogue.metric_code is null or batch.definition_version is distinct from catalogue.definition_version
            or batch.unit is distinct from catalogue.unit
        group by all""",
        "add the metric to seeds/metric_catalogue.csv: a KPI without a definition does not exist",
        column="metric_code",
    ),
    Rule(
        "every_metric_of_the_catalogue_has_rows",
        "at least one row of each metric of the catalogue",
        """select catalogue.metric_code, catalogue.record from {kpi_catalogue} as catalogue
        where catalogue.metric_code not in (select metric_code from batch where metric_code is not null)""",
        "nothing to do while no source gives that record; else see whether its batches are blocked (`gmw status`)",
        severity="warning",
        column="metric_code",
    ),
    Rule(
        "every_kpi_belongs_to_a_known_place",
        "a place_key of dim_place",
        "select place_key, count(*) as row_count from batch where place_key is null "
        "or place_key not in (select place_key from {dim_place}) group by all",
        "see how the place is resolved: models/intermediate/place",
        column="place_key",
        integrity="R14",
    ),
    Rule(
        "periods_start_before_they_end_and_breakdowns_are_named",
        "period_start before period_end, a breakdown type and member, none with total only",
        f"""select {KEY}, period_end from batch where not coalesce(
            period_start < period_end and breakdown_value is not null
            and (breakdown_type = 'none') = (breakdown_value = 'total'), false)""",
        "see models/intermediate/period and macros/breakdown.sql",
    ),
    Rule(
        "value_is_missing_exactly_when_the_status_says_so",
        f"no value with status in {WITHOUT_VALUE}, a value with any other",
        f"select {KEY}, value, status from batch where status is null or (value is null) != (status in {WITHOUT_VALUE})",
        "see the status in models/kpis/kpi_value.sql",
        column="status",
        integrity="R16",
    ),
    Rule(
        "hidden_rows_have_no_numbers",
        "neither value, numerator, denominator, n nor bounds with status suppressed",
        f"""select {KEY} from batch where status = 'suppressed'
            and coalesce("value", numerator, denominator, n, "lower", "upper") is not null""",
        "see macros/disclosure.sql",
        column="status",
    ),
    Rule(
        "values_are_finite_numbers",
        "numbers that are neither infinite nor NaN, n of 0 or more",
        f"""select {KEY}, value, lower, upper, n from batch
        where not (isfinite(coalesce(value, 0)) and isfinite(coalesce(lower, 0)) and isfinite(coalesce(upper, 0))) or n < 0""",
        "something was divided by zero: no base, no rate",
        column="value",
    ),
    Rule(
        "value_lies_within_its_bounds",
        "lower ≤ value ≤ upper",
        f"""select {KEY}, lower, value, upper from batch
        where lower > value + {TOLERANCE.format("value")} or upper < value - {TOLERANCE.format("value")} or lower > upper""",
        "see macros/statistics.sql",
        column="value",
    ),
    Rule(
        "proportions_lie_between_0_and_1",
        "0 ≤ value ≤ 1 for shares of a whole; 0 ≤ value for flow ratios, which may exceed 1; differences of shares may be negative",
        f"""select {KEY}, value from batch inner join {{kpi_catalogue}} as catalogue using (metric_code)
        where catalogue.unit = 'share'
            and (value < 0 and catalogue.statistic != 'difference'
                or catalogue.statistic in ('proportion', 'weighted_proportion')
                    and (value > 1 + 1e-9 or numerator > denominator + {TOLERANCE.format("denominator")}))""",
        "the numerator counts something that the denominator does not: see the components in models/kpis",
        column="value",
        integrity="R13",
    ),
    Rule(
        "shares_are_numerator_over_denominator",
        "value = numerator / denominator, and no value without a base",
        f"""select {KEY}, numerator, denominator, value from batch
        inner join {{kpi_catalogue}} as catalogue using (metric_code)
        where catalogue.unit = 'share' and catalogue.statistic in ('ratio', 'proportion', 'weighted_proportion') and value is not null
            and (coalesce(denominator, 0) = 0 or {away("value", "numerator / nullif(denominator, 0)")})""",
        "a rate was averaged instead of summed: see models/kpis/kpi_value.sql",
        column="value",
        integrity="R16",
    ),
    Rule(
        "money_has_a_currency_and_nothing_else_has",
        "a currency where the unit is money, and elsewhere at most in what is made of money",
        f"""select {KEY}, batch.unit from batch inner join {{kpi_catalogue}} as catalogue using (metric_code)
        where catalogue.unit = 'money' and currency is null
            or currency is not null and catalogue.record not in ('money', 'figure')""",
        "money is summed per currency: see models/kpis/rows/kpi_row_money.sql",
        column="currency",
    ),
    Rule(
        "nothing_is_known_beyond_today",
        "as_of not later than today",
        f"select {KEY}, as_of from batch where as_of is null or as_of > current_date + 1",
        "a date in a source or a file name lies in the future: look for it in the facts",
        severity="warning",
        column="as_of",
        integrity="R19",
    ),
    Rule(
        "cases_raised_are_resolved_rejected_withdrawn_cancelled_referred_out_or_open",
        f"{CASES_RAISED} = {' + '.join(CASES_BY_OUTCOME)} for each place, period and breakdown",
        f"""
        select place_key, {PERIOD}, breakdown_type, breakdown_value, raised, with_outcome from (
            select place_key, {PERIOD}, breakdown_type, breakdown_value,
                coalesce(sum(value) filter (metric_code = '{CASES_RAISED}'), 0) as raised,
                coalesce(sum(value) filter (metric_code in {CASES_BY_OUTCOME}), 0) as with_outcome
            from batch
            where metric_code = '{CASES_RAISED}' or metric_code in {CASES_BY_OUTCOME}
            group by all
            having count(*) filter (status = 'suppressed') = 0
        ) where {away("raised", "with_outcome")}""",
        "a case has an outcome that no metric counts: see models/kpis/rows/kpi_row_case.sql",
        integrity="R1",
    ),
    Rule(
        "points_outstanding_are_issued_and_reversed_less_redeemed_penalties_and_expired",
        f"P12.outstanding = {' + '.join(POINTS_IN)} − {' − '.join(POINTS_OUT)} over all time, for each tree",
        f"""
        select place_key, {PERIOD}, outstanding, of_entries from (
            select place_key, {PERIOD}, sum(value) filter (metric_code = 'P12.outstanding') as outstanding,
                coalesce(sum(value) filter (metric_code in {POINTS_IN}), 0)
                - coalesce(sum(value) filter (metric_code in {POINTS_OUT}), 0) as of_entries
            from batch
            where period_type = 'all' and metric_code in ('P12.outstanding', {', '.join(map(repr, POINTS_IN + POINTS_OUT))})
                and place_key in (select place_key from {{dim_place}} where parent_place_key is null)
            group by all
            having count(*) filter (status = 'suppressed') = 0
        ) where {away("outstanding", "of_entries")}""",
        "an entry that issues points is negative, or one is dated after what its file is known for: ask who keeps the ledger",
        severity="warning",
        integrity="R12",
    ),
    Rule(
        "participants_are_the_sum_of_their_age_bands_and_the_base_of_their_shares",
        "P03 = the sum of its age bands = the denominator of P06 and of P07, for each place and period",
        f"""
        select place_key, {PERIOD}, participants, of_age_bands, of_first_time_share, of_repeat_share from (
            select place_key, {PERIOD},
                coalesce(sum(value) filter (metric_code = 'P03' and breakdown_type = 'none'), 0) as participants,
                coalesce(sum(value) filter (metric_code = 'P03' and breakdown_type = 'age_band'), 0) as of_age_bands,
                coalesce(sum(denominator) filter (metric_code = 'P06'), 0) as of_first_time_share,
                coalesce(sum(denominator) filter (metric_code = 'P07'), 0) as of_repeat_share
            from batch
            where metric_code in ('P03', 'P06', 'P07')
            group by all
            having count(*) filter (status = 'suppressed') = 0
        ) where {away("of_age_bands", "participants")} or {away("of_first_time_share", "participants")}
            or {away("of_repeat_share", "participants")}""",
        "a person has two age bands or none, or is counted in one metric only: see models/kpis/kpi_person_in_period.sql",
        integrity="R5",
    ),
    Rule(
        "breakdowns_add_up_to_the_total",
        "the members of each breakdown of an additive metric add up to its total; unknown is a member",
        f"""
        with additive as (
            select metric_code, string_split(breakdowns, '|') as breakdown_types from {{kpi_catalogue}}
            where statistic in {ADDITIVE} and list_contains(string_split(breakdowns, '|'), 'none')
        ),
        wanted as (
            select metric_code, unnest(list_filter(breakdown_types, lambda name: name != 'none')) as breakdown_type
            from additive
        ),
        totals as (
            select batch.metric_code, wanted.breakdown_type, place_key, {PERIOD}, currency, value as total
            from batch inner join wanted using (metric_code)
            where batch.breakdown_type = 'none' and status != 'suppressed'
        ),
        members as (
            select batch.metric_code, batch.breakdown_type, place_key, {PERIOD}, currency, sum(value) as members,
                count(*) filter (status = 'suppressed') as hidden
            from batch inner join wanted using (metric_code, breakdown_type)
            group by all
        )
        select
            coalesce(totals.metric_code, members.metric_code) as metric_code,
            coalesce(totals.breakdown_type, members.breakdown_type) as breakdown_type,
            coalesce(totals.place_key, members.place_key) as place_key,
            coalesce(totals.period_type, members.period_type) as period_type,
            coalesce(totals.period_start, members.period_start) as period_start,
            coalesce(totals.currency, members.currency) as currency, total, members
        from totals full join members
            on totals.metric_code = members.metric_code and totals.breakdown_type = members.breakdown_type
            and totals.place_key = members.place_key and totals.period_type = members.period_type
            and totals.period_start = members.period_start and totals.currency is not distinct from members.currency
        where coalesce(hidden, 0) = 0 and ({away("coalesce(total, 0)", "coalesce(members, 0)")})""",
        "a member is missing or counted twice: see macros/breakdown.sql",
        integrity="R5",
    ),
    Rule(
        "places_below_add_up_to_their_parent",
        "an additive metric of a place in a month is the sum over the places below it then, and more only by records of its own",
        f"""
        with additive as (
            select metric_code, statistic, statistic = 'sum' or unit = '分' as is_signed from {{kpi_catalogue}}
            where statistic in {ADDITIVE}
        ),
        own as ({{own_places}}),
        -- Longer periods may lie on both sides of a boundary change; but for stocks, they are sums of months: see the next rule.
        of_one_tree as (
            select batch.*, statistic, is_signed from batch inner join additive using (metric_code)
            where period_type in ('month', 'wave') or statistic = 'stock'
        ),
        parents as (
            select * from of_one_tree where place_key in (select parent_place_key from {{dim_place}})
        ),
        children as (
            select metric_code, is_signed, places.parent_place_key as place_key, {PERIOD}, breakdown_type, breakdown_value,
                currency, sum(value) as below, count(*) filter (status = 'suppressed') as hidden
            from of_one_tree
            inner join {{dim_place}} as places on of_one_tree.place_key = places.place_key
                and coalesce(places.counts_from < period_end, true) and coalesce(places.counts_to >= period_end, true)
            where places.parent_place_key is not null
            group by all
        ),
        compared as (
            select
                coalesce(parents.metric_code, children.metric_code) as metric_code,
                coalesce(parents.is_signed, children.is_signed) as is_signed,
                coalesce(parents.place_key, children.place_key) as place_key,
                coalesce(parents.period_type, children.period_type) as period_type,
                coalesce(parents.period_start, children.period_start) as period_start,
                coalesce(parents.breakdown_type, children.breakdown_type) as breakdown_type,
                coalesce(parents.breakdown_value, children.breakdown_value) as breakdown_value,
                coalesce(parents.currency, children.currency) as currency,
                coalesce(value, 0) as parent, coalesce(below, 0) as below
            from parents full join children
                on parents.metric_code = children.metric_code and parents.place_key = children.place_key
                and parents.period_type = children.period_type and parents.period_start = children.period_start
                and parents.breakdown_type = children.breakdown_type
                and parents.breakdown_value = children.breakdown_value
                and parents.currency is not distinct from children.currency
            where coalesce(parents.status, '') != 'suppressed' and coalesce(hidden, 0) = 0
        )
        select * exclude (is_signed) from compared
        where case
            when place_key not in (select place_key from own) then {away("parent", "below")}
            when is_signed then false
            else below > parent + {TOLERANCE.format("parent")}
        end""",
        "a place was left out or counted twice on the way up: see int_place_ancestor and kpi_component_rollup",
        integrity="R5",
    ),
    Rule(
        "longer_periods_are_the_sums_of_their_months",
        "a count or sum of a quarter, a year or all time is the sum over its months",
        f"""
        with flows as (
            select batch.* from batch inner join {{kpi_catalogue}} as catalogue using (metric_code)
            where catalogue.statistic in ('count', 'sum')
        ),
        longer as (
            select * from flows where period_type in ('quarter', 'year', 'all')
        ),
        summed as (
            select {", ".join(f"longer.{name}" for name in KEY.split(", "))}, any_value(longer.value) as value,
                sum(months.value) as of_months, bool_or(longer.status = 'suppressed' or months.status = 'suppressed') as is_hidden
            from longer left join flows as months
                on months.period_type = 'month' and months.period_start >= longer.period_start
                and months.period_start < longer.period_end and months.metric_code = longer.metric_code
                and months.place_key = longer.place_key and months.breakdown_type = longer.breakdown_type
                and months.breakdown_value = longer.breakdown_value and months.currency is not distinct from longer.currency
            group by all
        )
        select * exclude (is_hidden) from summed where not coalesce(is_hidden, false) and {away("value", "coalesce(of_months, 0)")}""",
        "a month was left out or counted twice: see int_period and kpi_component_rollup",
        integrity="R5",
    ),
]
