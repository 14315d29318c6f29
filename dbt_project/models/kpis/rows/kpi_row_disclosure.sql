with kpi_row_disclosure as (
    select
        place_key, date_trunc('month', due_date)::date as period_month, category, null::string as currency,
        1 as disclosures_due,
        coalesce(is_resolved and ended_date <= due_date, false)::integer as disclosures_on_time,
        as_of_date, source, file_id, row_no
    from {{ ref('fct_case') }}
    where kind = 'disclosure' and due_date <= as_of_date
)

select * from kpi_row_disclosure
