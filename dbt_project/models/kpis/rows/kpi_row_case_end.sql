-- Rule 5: a close date counts as a resolution only where the state says so.
with kpi_row_case_end as (
    select
        place_key, date_trunc('month', ended_date)::date as period_month, category, kind, null::string as currency,
        1 as cases_resolved_in_period,
        as_of_date, source, file_id, row_no
    from {{ ref('fct_case') }}
    where is_resolved and ended_date is not null
)

select * from kpi_row_case_end
