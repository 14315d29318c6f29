with kpi_row_role as (
    select
        place_key, date_trunc('month', valid_from)::date as period_month, null::string as currency,
        case when kind = 'volunteer' and person_key is not null then 1 end as registered_volunteers,
        as_of_date, source, file_id, row_no
    from {{ ref('fct_role') }}
)

select * from kpi_row_role
