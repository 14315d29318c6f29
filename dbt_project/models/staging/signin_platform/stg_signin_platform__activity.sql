with delivered as (
    select * from {{ delivered_rows('signin_platform') }}
),

read as (
    select
        *,
        {{ parse_local_timestamp('activity_date') }} as activity_local,
        {{ parse_local_timestamp("strftime(" ~ parse_local_timestamp('activity_date') ~ ", '%Y-%m-%d ') || " ~ clean_text('start_time')) }}
            as started_local,
        {{ parse_number('headcount') }} as attendance,
        {{ kind_of_word('activity', 'kind') }} as kind_code,
        {{ mapped('state', {'已举办': 'held', '已取消': 'cancelled', '延期': 'postponed', '未开始': 'planned'}) }} as state_code,
        {{ mapped('mode', {'线下': 'offline', '线上': 'online'}) }} as mode_code
    from delivered
    -- A standing service has sign-ins, but is no occurrence of an activity.
    where {{ clean_text('item_type') }} = '活动'
),

stg_signin_platform__activity as (
    select
        {{ clean_text('item_no') }} as activity_id,
        'qinghe_district' as tree,
        {{ clean_text('place_code') }} as place_code,
        null::string as place_name,
        null::string as parent_place_name,
        kind_code as kind,
        {{ clean_text('process_code') }} as process_code,
        {{ clean_text('title') }} as activity_name,
        {{ clean_text('kind') }} as activity_type,
        mode_code as mode,
        null::string as host_name,
        {{ clean_text('host_type') }} as host_type,
        activity_local::date as activity_date,
        {{ instant_at('started_local', '_time_zone') }} as started_at,
        state_code as state,
        round(attendance)::bigint as attendance_count,
        {{ clean_text('element') }} as framework_element,
        {{ yes_or_no('resident_led') }} as is_resident_led,
        capacity as venue_capacity,
        {{ reject_reason([
            ('activity_local is null', 'unreadable_activity_date'),
            (unreadable('headcount', 'attendance'), 'unreadable_headcount'),
            ('state_code is null', 'unknown_state'),
            ('kind_code is null', 'unknown_kind'),
            (unreadable('mode', 'mode_code'), 'unknown_mode'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_signin_platform__activity
