{% set keys = ['place_key', 'period_type', 'period_start', 'period_end', 'breakdown_type', 'breakdown_value'] %}

with satisfied as (
    select * from {{ components_side_by_side(['answers_satisfied', 'answers_valid']) }}
    where period_type = 'wave' and breakdown_type = 'question'
),

waves as (
    select
        *,
        lag(answers_satisfied) over by_time as previous_satisfied,
        lag(answers_valid) over by_time as previous_valid
    from satisfied
    window by_time as (partition by place_key, breakdown_value order by period_start, period_end)
),

changes as (
    select
        *,
        {{ newcombe('answers_satisfied', 'answers_valid', 'previous_satisfied', 'previous_valid', -1) }} as lower,
        {{ newcombe('answers_satisfied', 'answers_valid', 'previous_satisfied', 'previous_valid', 1) }} as upper
    from waves
    where previous_valid is not null
),

needs as (
    select * from {{ components_side_by_side(['answers_wanting', 'answers_on_need', 'answers_having', 'answers_on_having']) }}
    where breakdown_type = 'topic'
),

fees as (
    select * from {{ components_side_by_side(['fees_paid_amount', 'fees_billed_amount', 'fees_billed_count']) }}
    where breakdown_type = 'none' and period_type in ('month', 'quarter', 'year') and fees_billed_amount > 0
),

kpi_difference as (
    select
        'S08' as metric_code, {{ keys | join(', ') }}, currency,
        answers_satisfied / nullif(answers_valid, 0) - previous_satisfied / nullif(previous_valid, 0) as value,
        least(answers_valid, previous_valid) as n, lower, upper, as_of_date
    from changes
    union all
    select
        'S10' as metric_code, {{ keys | join(', ') }}, currency,
        answers_wanting / nullif(answers_on_need, 0) - answers_having / nullif(answers_on_having, 0) as value,
        least(coalesce(answers_on_need, 0), coalesce(answers_on_having, 0)) as n, null as lower, null as upper, as_of_date
    from needs
    union all
    select
        'F11.change' as metric_code, {{ keys | join(', ') }}, currency,
        coalesce(fees.fees_paid_amount, 0) / fees.fees_billed_amount
        - coalesce(previous.fees_paid_amount, 0) / previous.fees_billed_amount as value,
        least(fees.fees_billed_count, previous.fees_billed_count) as n, null as lower, null as upper, fees.as_of_date
    from fees
    inner join (select period_end as period_start, * {{ without('period_start, period_end') }} from fees) as previous
        using (place_key, period_type, period_start, breakdown_type, breakdown_value, currency)
)

select *, false as is_not_reached from kpi_difference
