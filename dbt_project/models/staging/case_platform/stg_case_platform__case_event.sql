with cases as (
    select * from {{ ref('stg_case_platform__case') }}
),

changes as (
    select *, {{ unnested(json_list('events', ['status', 'at'])) }} as change
    from cases
),

stg_case_platform__case_event as (
    select
        case_id,
        lower(change.status) as state,
        {{ parse_instant('change.at') }} as occurred_at,
        coalesce(
            _reject_reason, {{ reject_reason([(parse_instant('change.at') ~ ' is null', 'unreadable_time')]) }}
        ) as _reject_reason,
        {{ provenance() }}
    from changes
)

select * from stg_case_platform__case_event
