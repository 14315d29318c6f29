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
        {{ mapped('mode', {'线下': 'offline', '线上': 'online'}) }} as mode_code
    from delivered
),

stg_activity_ledger__activity as (
    select
        strftime(_file_as_of, '%Y-%m') || '-' || {{ clean_text('activity_no') }} as activity_id,
        'qinghe_district' as tree,
        null as place_code,
        {{ clean_text('estate') }} as place_name,
        {{ clean_text('community') }} as parent_place_name,
        {{ mapped('activity_type', {
            '讲座': 'lecture', '实操': 'practice', '会议': 'meeting', '义诊': 'clinic', '演出': 'performance', '走访': 'visit'
        }) }} as kind,
        {{ mapped('activity_type', {'义诊': 'F05'}) }} as process_code,
        {{ clean_text('activity_name') }} as activity_name,
        {{ clean_text('activity_type') }} as activity_type,
        mode_code as mode,
        {{ clean_text('host_name') }} as host_name,
        {{ clean_text('host_type') }} as host_type,
        activity_local::date as activity_date,
        started_local at time zone _time_zone as started_at,
        state_code as state,
        attendance::bigint as attendance_count,
        {{ reject_reason([
            ('activity_local is null', 'unreadable_activity_date'),
            (unreadable('headcount', 'attendance'), 'unreadable_headcount'),
            ('state_code is null', 'unknown_state'),
            (clean_text('mode') ~ ' is not null and mode_code is null', 'unknown_mode'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_activity_ledger__activity
