with delivered as (
    select * from {{ delivered_rows('activity_ledger') }}
),

read as (
    select
        *,
        {{ parse_local_timestamp('activity_date') }} as activity_local,
        {{ parse_local_timestamp("strftime(" ~ parse_local_timestamp('activity_date') ~ ", '%Y-%m-%d ') || " ~ clean_text('start_time')) }}
            as started_local,
        {{ parse_number('headcount') }} as attendance,
        {{ mapped('state', {'已举办': 'held', '已取消': 'cancelled', '延期': 'postponed', '计划中': 'planned'}) }} as state_code,
        {{ parse_number('venue_capacity') }} as capacity,
        {{ mapped('mode', {'线下': 'offline', '线上': 'online'}) }} as mode_code,
        {{ mapped('resident_led', {'是': 'true', '否': 'false'}) }} as resident_led_code
    from delivered
),

kinds as (
    select kind, name_zh from {{ ref('kind') }} where record = 'activity'
),

stg_activity_ledger__activity as (
    select
        strftime(_file_as_of, '%Y-%m') || '-' || {{ clean_text('activity_no') }} as activity_id,
        'qinghe_district' as tree,
        null as place_code,
        {{ clean_text('estate') }} as place_name,
        {{ clean_text('community') }} as parent_place_name,
        kinds.kind,
        processes.process_code,
        {{ clean_text('activity_name') }} as activity_name,
        {{ clean_text('activity_type') }} as activity_type,
        mode_code as mode,
        {{ clean_text('host_name') }} as host_name,
        {{ clean_text('host_type') }} as host_type,
        activity_local::date as activity_date,
        {{ instant_at('started_local', '_time_zone') }} as started_at,
        state_code as state,
        round(attendance)::bigint as attendance_count,
        {{ clean_text('framework_element') }} as framework_element,
        resident_led_code::boolean as is_resident_led,
        round(capacity)::bigint as venue_capacity,
        {{ reject_reason([
            ('activity_local is null', 'unreadable_activity_date'),
            (unreadable('headcount', 'attendance'), 'unreadable_headcount'),
            (unreadable('venue_capacity', 'capacity'), 'unreadable_venue_capacity'),
            ('state_code is null', 'unknown_state'),
            (clean_text('mode') ~ ' is not null and mode_code is null', 'unknown_mode'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
    left join kinds on {{ clean_text('activity_type') }} = kinds.name_zh
    left join {{ ref('process_catalogue') }} as processes on {{ clean_text('process_name') }} = processes.name_zh
)

select * from stg_activity_ledger__activity
