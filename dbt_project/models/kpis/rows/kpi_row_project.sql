with events as (
    select case_key, bool_or(state = 'accepted') as is_accepted, bool_or(state = 'failed') as is_failed
    from {{ ref('fct_case_event') }}
    where state in ('accepted', 'failed')
    group by case_key
),

due as (
    select
        cases.*,
        coalesce(events.is_accepted, false) or cases.is_resolved as is_accepted,
        coalesce(events.is_failed, false) or coalesce(cases.state = 'failed', false) or cases.outcome = 'rejected' as is_failed
    from {{ ref('fct_case') }} as cases
    left join events on cases.case_key = events.case_key
    where cases.kind = 'project' and cases.due_date <= cases.as_of_date
),

kpi_row_project as (
    select
        place_key, date_trunc('month', due_date)::date as period_month, null::string as currency,
        1 as projects_due,
        is_accepted::integer as projects_accepted,
        case when is_accepted or is_failed then 1 end as projects_judged,
        as_of_date, source, file_id, row_no
    from due
)

select * from kpi_row_project
