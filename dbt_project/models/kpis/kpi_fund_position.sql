{% set keys = ['place_key', 'period_type', 'period_start', 'period_end', 'breakdown_type', 'breakdown_value', 'currency'] %}

with periods as (
    select distinct tree, period_type, period_start, period_end from {{ ref('int_period') }}
),

places as (
    select * from {{ ref('int_place') }}
),

awards_and_payments as (
    select * from {{ ref('fct_money') }} where kind in ('award', 'disbursement')
),

months as (
    select
        ancestor_place_key as place_key, period_start as period_month, breakdown_type, breakdown_value, currency,
        sum(amount) filter (where kind = 'award') as awarded,
        sum(amount) filter (where kind = 'disbursement') as disbursed,
        count(*) filter (where kind = 'award') as award_count,
        max(as_of_date) as as_of_date
    from {{ at_every_level(broken_down('awards_and_payments', {'fund': 'fund'}), 'money_date') }}
    where period_type = 'month'
    group by all
),

-- All that was awarded and paid before the end of a period, from the first award on.
cumulated as (
    select
        months.place_key, periods.period_type, periods.period_start, periods.period_end, months.breakdown_type,
        months.breakdown_value, months.currency,
        coalesce(sum(months.disbursed), 0)::double as numerator,
        sum(months.awarded)::double as denominator,
        sum(months.award_count) as n,
        max(months.as_of_date) as as_of_date
    from months
    inner join places on months.place_key = places.place_key
    inner join periods on places.tree = periods.tree and months.period_month < periods.period_end
    group by all
    having sum(months.award_count) > 0
),

-- A fund is the fund of its place: two places may call theirs by the same name.
endowments as (
    select
        money.place_key, coalesce(money.fund, 'unknown') as fund, money.currency, periods.period_type, periods.period_start,
        periods.period_end, periods.period_end - 1 as last_day,
        sum(money.amount) filter (where money.kind = 'endowment_gift')::double as given,
        max_by(money.amount, (money.money_date, money.money_key)) filter (where money.kind = 'endowment_balance')::double as balance,
        max(money.as_of_date) as as_of_date
    from {{ ref('fct_money') }} as money
    inner join places on money.place_key = places.place_key
    inner join periods on places.tree = periods.tree and money.money_date < periods.period_end
    where money.kind in ('endowment_gift', 'endowment_balance')
    group by all
    having given is not null and balance is not null
),

endowments_above as (
    select
        endowments.* {{ without('place_key') }}, ancestors.ancestor_place_key as place_key, 'none' as breakdown_type,
        'total' as breakdown_value
    from endowments
    {{ join_ancestors('endowments', 'endowments.last_day') }}
),

kpi_fund_position as (
    select 'F03' as metric_code, {{ keys | join(', ') }}, numerator, denominator, n, as_of_date from cumulated
    union all
    select
        'F09' as metric_code, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, null as currency,
        count(*) filter (where balance >= given) as numerator, count(*) as denominator, count(*) as n, max(as_of_date) as as_of_date
    from endowments_above
    group by all
    union all
    select
        'F09.ratio' as metric_code, {{ keys | join(', ') }}, sum(balance) as numerator, sum(given) as denominator, count(*) as n,
        max(as_of_date) as as_of_date
    from endowments_above
    group by all
)

select * from kpi_fund_position
