with events as (
    select events.case_key, events.state, events.occurred_at, events.occurred_date, kinds.machine, states.outcome
    from {{ ref('int_case_event') }} as events
    inner join {{ ref('int_case') }} as cases on events.case_key = cases.case_key
    left join {{ ref('kind') }} as kinds on kinds.record = 'case' and cases.kind = kinds.kind
    left join {{ ref('state_machine') }} as states on kinds.machine = states.machine and events.state = states.state
),

with_resolution as (
    select *, min(occurred_at) filter (where outcome = 'resolved') over (partition by case_key) as first_resolved_at
    from events
),

int_case_history as (
    select
        case_key,
        machine,
        array_sort(array_agg(distinct state)) as states,
        first_resolved_at,
        min(occurred_date) filter (where outcome = 'resolved' and occurred_at = first_resolved_at) as first_resolved_date,
        min(occurred_at) filter (where state = 'reopened' and occurred_at > first_resolved_at) as reopened_at
    from with_resolution
    group by case_key, machine, first_resolved_at
)

select * from int_case_history
