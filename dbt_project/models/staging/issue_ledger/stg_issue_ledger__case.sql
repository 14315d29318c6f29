with delivered as (
    select * from {{ delivered_rows('issue_ledger') }}
),

read as (
    select
        *,
        {{ parse_local_timestamp('collected_at') }} as opened_local,
        {{ parse_local_timestamp('closed_at') }} as ended_local,
        {{ parse_local_timestamp('due_date') }}::date as due_day,
        {{ parse_local_timestamp('response_due_at') }} as response_due_local,
        {{ parse_local_timestamp('first_response_at') }} as first_response_local,
        {{ parse_number('satisfaction') }} as rating_number,
        {{ mapped('rating_mode', {'居民评价': 'false', '系统默认': 'true'}) }} as default_code,
        {{ mapped('state', {
            '已解决': 'resolved', '已办结': 'resolved', '待受理': 'open', '办理中': 'open', '不予受理': 'rejected',
            '已撤回': 'withdrawn', '已转办': 'referred_out'
        }) }} as outcome
    from delivered
),

stg_issue_ledger__case as (
    select
        case_no as case_id,
        'issue' as kind,
        {{ mapped('channel', {
            '书记下午茶': 'A01', '小程序': 'A02', '议事日': 'A03', '四步工作法': 'A04', '共治沙龙': 'A08', '楼长议事平台': 'A09', '红哨子': 'A12',
            '业主大讲堂': 'A13', '问题停车场': 'A15', '小区改造协商': 'A21', '上访接待': 'A23', '听评会': 'A27', '片区联管': 'A28',
            '改革建议': 'A30', '网格': 'B05', '专项整治': 'B09', '接待日': 'C11', '双报到': 'D08', '楼长日': 'D14'
        }) }} as process_code,
        'qinghe_district' as tree,
        null as place_code,
        {{ clean_text('estate') }} as place_name,
        {{ clean_text('community') }} as parent_place_name,
        {{ clean_text('category') }} as category,
        {{ clean_text('channel') }} as channel,
        outcome,
        {{ instant_at('opened_local', '_time_zone') }} as opened_at,
        {{ instant_at('ended_local', '_time_zone') }} as ended_at,
        null::{{ type_of('timestamptz') }} as last_changed_at,
        due_day as due_date,
        {{ instant_at('response_due_local', '_time_zone') }} as response_due_at,
        {{ instant_at('first_response_local', '_time_zone') }} as first_response_at,
        case when {{ clean_text('session_no') }} is not null then 'activity_ledger' end as activity_source,
        {{ clean_text('session_no') }} as activity_id,
        round(rating_number)::integer as rating,
        default_code::boolean as rating_is_default,
        {{ reject_reason([
            (unreadable('collected_at', 'opened_local') ~ ' or opened_local is null', 'unreadable_collected_at'),
            (unreadable('closed_at', 'ended_local'), 'unreadable_closed_at'),
            (unreadable('due_date', 'due_day'), 'unreadable_due_date'),
            (unreadable('response_due_at', 'response_due_local'), 'unreadable_response_due_at'),
            (unreadable('first_response_at', 'first_response_local'), 'unreadable_first_response_at'),
            (unreadable('satisfaction', 'rating_number'), 'unreadable_rating'),
            ('outcome is null', 'unknown_state'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_issue_ledger__case
