-- One row per matter, with what its changes of state tell.
with history as (
    select
        case_no, bool_or(state = 'ESCALATED') as is_escalated, min("at") filter (state = 'RESOLVED') as resolved_at,
        list_distinct(list(state)) as states
    from event
    group by case_no
)

select
    matter.case_no, matter.place_code as community, matter.category,
    if(matter.kind = '诉求', 'issue', 'suggestion') as kind,
    case matter.result when '在办' then 'open' when '办结' then 'resolved'
        when '不予受理' then 'rejected' else 'withdrawn' end as outcome,
    matter.created_at, matter.finished_at, matter.created_at::date as opened_date, date_trunc('month',
        matter.created_at)::date as month,
    matter.finished_at::date as ended_date, matter.due_date,
    date_diff('minute', matter.created_at, coalesce(matter.finished_at, timestamp '2026-10-01'))::integer as minutes,
    history.is_escalated, history.resolved_at, history.states,
    coalesce(matter.created_at::date - lag(matter.created_at::date) over (
        partition by matter.place_code, matter.kind, matter.category order by matter.created_at, matter.case_no
    ) <= 30, false) as is_repeated
from matter
left join history on matter.case_no = history.case_no
