with delivered as (
    select * from {{ delivered_rows('open_repair') }}
),

read as (
    select
        *,
        {{ clean_text('group_name') }} as host_name,
        {{ reject_reason([
            (clean_text('group_name') ~ ' is null', 'missing_group'),
            ('event_date is null', 'missing_event_date'),
        ]) }} as _reject_reason
    from delivered
),

-- An event is told by the first of its items; every item that names none is rejected by itself.
events as (
    select *
    from read
    qualify row_number() over (
        partition by host_name, event_date, case when _reject_reason is not null then _row_no end order by _row_no
    ) = 1
),

stg_open_repair__activity as (
    select
        host_name || ':' || event_date as activity_id,
        'restart_project' as tree,
        {{ clean_text('country') }} as place_code,
        {{ clean_text('country') }} as place_name,
        null::string as parent_place_name,
        null::string as activity_name,
        'workshop' as kind,
        null::string as process_code,
        'repair' as activity_type,
        null::string as mode,
        host_name,
        'community_group' as host_type,
        event_date as activity_date,
        null::{{ type_of('timestamptz') }} as started_at,
        'held' as state,
        null::bigint as attendance_count,
        _reject_reason,
        {{ provenance() }}
    from events
)

select * from stg_open_repair__activity
