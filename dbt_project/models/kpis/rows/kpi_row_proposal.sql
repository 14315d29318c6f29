with sessions as (
    select activities.activity_key, activities.place_key, activities.activity_date
    from {{ ref('fct_activity') }} as activities
    inner join {{ ref('kind') }} as kinds
        on kinds.record = 'activity' and activities.kind = kinds.kind and kinds.is_deliberation
    where activities.is_held
),

kpi_row_proposal as (
    select
        sessions.place_key, date_trunc('month', sessions.activity_date)::date as period_month, null::string as currency,
        1 as deliberation_proposals,
        cases.as_of_date, cases.source, cases.file_id, cases.row_no
    from {{ ref('fct_case') }} as cases
    inner join sessions on cases.activity_key = sessions.activity_key
)

select * from kpi_row_proposal
