{% set outcomes = ['resolved', 'rejected', 'withdrawn', 'cancelled', 'referred_out', 'open'] %}

with cases as (
    select * from {{ ref('fct_case') }}
),

raised as (
    select
        place_key, date_trunc('month', opened_date)::date as period_month, breakdown_type, breakdown_value,
        null::varchar as currency,
        {{ component_sum('1') }} as cases_raised,
        {% for outcome in outcomes -%}
        {{ component_sum("(outcome = '" ~ outcome ~ "')::integer") }} as cases_{{ outcome }},
        {% endfor -%}
        {{ component_sum("(is_resolved and interval_status = 'invalid_interval')::integer") }} as cases_invalid_interval,
        {{ component_sum("(is_resolved and interval_status = 'missing_end')::integer") }} as cases_missing_end,
        max(as_of_date) as as_of_date
    from {{ broken_down('cases', {'category': 'category'}) }}
    group by all
),

-- Rule 5: a close date counts as a resolution only where the state says so.
resolved_in_period as (
    select
        place_key, date_trunc('month', ended_date)::date as period_month, breakdown_type, breakdown_value,
        null::varchar as currency,
        {{ component_sum('1') }} as cases_resolved_in_period,
        max(as_of_date) as as_of_date
    from {{ broken_down('cases', {'category': 'category'}) }}
    where is_resolved and ended_date is not null
    group by all
),

kpi_component_resolution as (
    select * from {{ component_rows('raised', ['cases_raised', 'cases_invalid_interval', 'cases_missing_end', 'cases_resolved',
        'cases_rejected', 'cases_withdrawn', 'cases_cancelled', 'cases_referred_out', 'cases_open']) }}
    union all by name
    select * from {{ component_rows('resolved_in_period', ['cases_resolved_in_period']) }}
)

select * from kpi_component_resolution
