{% set outcomes = ['resolved', 'rejected', 'withdrawn', 'cancelled', 'referred_out', 'open'] %}

with cases as (
    select
        cases.*, kinds.machine, coalesce(history.states, {{ list_of([]) }}) as states, activities.activity_date,
        -- The case just before this one of the same place, kind and category is the nearest in time: no other need be looked at.
        lag(cases.opened_date) over (
            partition by cases.place_key, cases.kind, cases.category order by cases.opened_at, cases.case_key
        ) as previous_opened_date
    from {{ ref('fct_case') }} as cases
    left join {{ ref('kind') }} as kinds on kinds.record = 'case' and cases.kind = kinds.kind
    left join {{ ref('int_case_history') }} as history on cases.case_key = history.case_key
    left join {{ ref('fct_activity') }} as activities on cases.activity_key = activities.activity_key
),

judged as (
    select
        *,
        is_resolved and interval_status = 'valid' and ended_date <= due_date as is_on_time,
        is_resolved or (outcome = 'open' and due_date < as_of_date) as is_past_target_or_resolved,
        (machine = 'issue' and array_contains(states, 'escalated')) or (machine = 'dispute' and array_contains(states, 'diverted'))
            as has_left_the_community,
        -- A dispute that failed first and was agreed in the end is agreed.
        array_contains(states, 'agreed') or (not array_contains(states, 'failed') and outcome = 'resolved') as is_agreed,
        array_contains(states, 'failed') or state = 'failed' or outcome = 'rejected' as is_failed,
        array_contains(states, 'performed') or coalesce(state = 'performed', false) as is_performed
    from cases
),

kpi_row_case as (
    select
        place_key, date_trunc('month', opened_date)::date as period_month, category, kind, null::string as currency,
        1 as cases_raised,
        {% for outcome in outcomes -%}
        (outcome = '{{ outcome }}')::integer as cases_{{ outcome }},
        {% endfor -%}
        (is_resolved and interval_status = 'invalid_interval')::integer as cases_invalid_interval,
        (is_resolved and interval_status = 'missing_end')::integer as cases_missing_end,

        case when interval_status in ('valid', 'open') then 1 end as cases_observed,
        case when resolution_days is not null then 1 end as cases_with_duration,
        resolution_days,

        case when due_date is not null and is_past_target_or_resolved then coalesce(is_on_time, false)::integer end
            as cases_on_time,
        case when due_date is not null and is_past_target_or_resolved then 1 end as cases_past_target_or_resolved,
        case when due_date is not null and is_resolved then 1 end as cases_resolved_with_target,

        case when is_resolved then 1 end as cases_resolved_anywhere,
        case when is_resolved then coalesce(ended_date = activity_date, false)::integer end as cases_resolved_on_the_spot,
        case when machine in ('issue', 'dispute') then 1 end as cases_of_the_community,
        case when machine in ('issue', 'dispute') then has_left_the_community::integer end as cases_escalated,
        case when machine in ('issue', 'dispute') and is_resolved then 1 end as cases_of_the_community_resolved,
        case when machine in ('issue', 'dispute') and is_resolved then (not has_left_the_community)::integer end
            as cases_resolved_in_the_community,
        coalesce(category is not null and {{ days_between("previous_opened_date", "opened_date") }} <= 30, false)::integer as cases_repeated,

        case when kind = 'list_item' then 1 end as list_items,
        case when kind = 'list_item' then is_resolved::integer end as list_items_done,
        case when machine = 'dispute' and (is_agreed or is_failed) then 1 end as disputes_settled,
        case when machine = 'dispute' and is_agreed then 1 end as disputes_agreed,
        case when machine = 'dispute' and is_agreed then is_performed::integer end as disputes_performed,
        as_of_date, source, file_id, row_no
    from judged
)

select * from kpi_row_case
