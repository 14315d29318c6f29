{% set keys = ['place_key', 'period_type', 'period_start', 'period_end', 'breakdown_type', 'breakdown_value'] %}

with satisfied as (
    select * from {{ components_side_by_side(['answers_satisfied', 'answers_valid']) }} where period_type = 'wave' and breakdown_type = 'question'
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
)

select *, false as is_not_reached from kpi_difference
