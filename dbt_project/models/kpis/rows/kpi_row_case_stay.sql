with events as (
    select
        cases.place_key, cases.opened_date, cases.as_of_date, events.state, events.source, events.file_id, events.row_no,
        kinds.machine, events.occurred_at,
        lead(events.occurred_at) over (
            partition by events.case_key order by events.occurred_at, coalesce(states.step, 0), events.case_event_key
        ) as next_occurred_at
    from {{ ref('fct_case_event') }} as events
    inner join {{ ref('fct_case') }} as cases on events.case_key = cases.case_key
    inner join {{ ref('kind') }} as kinds on kinds.record = 'case' and cases.kind = kinds.kind
    left join {{ ref('state_machine') }} as states on kinds.machine = states.machine and events.state = states.state
),

kpi_row_case_stay as (
    select
        place_key, date_trunc('month', opened_date)::date as period_month, machine || '.' || state as state,
        null::string as currency,
        1 as stays,
        (epoch_us(next_occurred_at) - epoch_us(occurred_at)) / 86400e6 as stay_days,
        as_of_date, source, file_id, row_no
    from events
    where next_occurred_at is not null
)

select * from kpi_row_case_stay
