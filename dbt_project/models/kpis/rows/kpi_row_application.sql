{% set approved_states = ['approved', 'contracted', 'disbursed', 'reporting', 'accepted', 'failed'] %}
{% set approved_list = "('" ~ approved_states | join("', '") ~ "')" %}

-- What follows an approval says that there was one; of an application both rejected and approved the approval holds.
with events as (
    select case_key, bool_or(state in {{ approved_list }}) as is_approved, bool_or(state = 'rejected') as is_rejected
    from {{ ref('fct_case_event') }}
    group by case_key
),

applications as (
    select
        cases.*,
        coalesce(events.is_approved, false) or coalesce(cases.state in {{ approved_list }}, false)
            or cases.is_resolved as is_approved,
        coalesce(events.is_rejected, false) or cases.outcome = 'rejected' as is_rejected,
        min(cases.opened_date) over (partition by places.tree, cases.applicant_key) as first_opened_date
    from {{ ref('fct_case') }} as cases
    inner join {{ ref('int_place') }} as places on cases.place_key = places.place_key
    left join events on cases.case_key = events.case_key
    where cases.kind = 'grant_application'
),

kpi_row_application as (
    select
        place_key, date_trunc('month', opened_date)::date as period_month, null::string as currency,
        case when is_approved or is_rejected then is_approved::integer end as applications_approved,
        case when is_approved or is_rejected then 1 end as applications_decided,
        case when applicant_key is not null then (opened_date = first_opened_date)::integer end as applications_first,
        case when applicant_key is not null then 1 end as applications_named,
        applicant_key, opened_date, first_opened_date,
        as_of_date, source, file_id, row_no
    from applications
)

select * from kpi_row_application
