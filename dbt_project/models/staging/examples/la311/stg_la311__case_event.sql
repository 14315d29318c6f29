with cases as (
    select * from {{ ref('stg_la311__case') }}
),

stg_la311__case_event as (
    select case_id, 'raised' as state, opened_at as occurred_at, _reject_reason, {{ provenance() }}
    from cases
    union all
    select case_id, outcome as state, ended_at as occurred_at, _reject_reason, {{ provenance() }}
    from cases
    where ended_at is not null
)

select * from stg_la311__case_event
