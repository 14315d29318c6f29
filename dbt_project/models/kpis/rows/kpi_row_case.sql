{% set outcomes = ['resolved', 'rejected', 'withdrawn', 'cancelled', 'referred_out', 'open'] %}

with kpi_row_case as (
    select
        place_key, date_trunc('month', opened_date)::date as period_month, category, kind, null::varchar as currency,
        1 as cases_raised,
        {% for outcome in outcomes -%}
        (outcome = '{{ outcome }}')::integer as cases_{{ outcome }},
        {% endfor -%}
        (is_resolved and interval_status = 'invalid_interval')::integer as cases_invalid_interval,
        (is_resolved and interval_status = 'missing_end')::integer as cases_missing_end,
        as_of_date, source, file_id, row_no
    from {{ ref('fct_case') }}
)

select * from kpi_row_case
