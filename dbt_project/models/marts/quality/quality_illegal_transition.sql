with cases as (
    select * from {{ ref('fct_case') }}
),

machines as (
    select kind, machine from {{ ref('kind') }} where record = 'case'
),

states as (
    select * from {{ ref('state_machine') }}
),

transitions as (
    select * from {{ ref('state_transition') }}
),

events as (
    select
        events.*, cases.kind, cases.place_key, machines.machine,
        states.state is not null as is_known_state,
        coalesce(states.is_initial, false) as is_initial,
        -- What a source dates to the same moment comes in the order of the life-cycle: it gets the benefit of the doubt.
        coalesce(states.step, 0) as step
    from {{ ref('fct_case_event') }} as events
    inner join cases on events.case_key = cases.case_key
    left join machines on cases.kind = machines.kind
    left join states on machines.machine = states.machine and events.state = states.state
),

followed as (
    select
        *, lag(state) over (partition by case_key order by occurred_at, step, file_id, row_no, case_event_key) as from_state
    from events
),

judged as (
    select
        followed.*,
        case
            when followed.machine is null then 'kind_without_machine'
            when not followed.is_known_state then 'unknown_state'
            when followed.from_state is null and not followed.is_initial then 'not_initial'
            when followed.from_state is not null and transitions.to_state is null then 'not_allowed'
        end as reason
    from followed
    left join transitions
        on followed.machine = transitions.machine
        and followed.from_state = transitions.from_state
        and followed.state = transitions.to_state
),

quality_illegal_transition as (
    select
        case_event_key, case_key, place_key, kind, machine, from_state, state as to_state, reason, occurred_at, source, file_id,
        row_no
    from judged
    where reason is not null
)

select * from quality_illegal_transition
