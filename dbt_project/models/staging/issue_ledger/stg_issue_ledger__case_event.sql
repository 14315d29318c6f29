with cases as (
    select * from {{ ref('stg_issue_ledger__case') }}
),

stg_issue_ledger__case_event as (
    select case_id, 'raised' as state, opened_at as occurred_at, _reject_reason, {{ provenance() }}
    from cases
    union all
    select case_id, outcome as state, ended_at as occurred_at, _reject_reason, {{ provenance() }}
    from cases
    where outcome != 'open' and ended_at is not null
)

select * from stg_issue_ledger__case_event
