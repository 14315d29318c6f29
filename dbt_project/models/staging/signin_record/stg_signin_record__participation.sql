with delivered as (
    select * from {{ delivered_rows('signin_record') }}
),

read as (
    select
        *,
        {{ kind_of_word('participation', 'kind') }} as kind_code,
        {{ mapped('action', {
            '参加': 'attend', '服务': 'volunteer', '投票': 'vote', '提议': 'propose', '议事': 'deliberate', '捐赠': 'donate'
        }) }} as action_code,
        {{ mapped('state', {
            '已邀请': 'invited', '已报名': 'registered', '已签到': 'attended', '缺席': 'absent', '已取消': 'cancelled',
            '已登记': 'recorded', '已发积分': 'points_posted', '已兑换': 'redeemed', '已结业': 'completed'
        }) }} as state_code,
        {{ parse_instant('started_at') }} as started,
        {{ parse_instant('ended_at') }} as ended
    from delivered
),

stg_signin_record__participation as (
    select
        {{ clean_text('row_no') }} as participation_id,
        kind_code as kind,
        {{ clean_text('process_code') }} as process_code,
        'signin_platform' as activity_source,
        case when {{ clean_text('item_type') }} = '活动' then {{ clean_text('item_no') }} end as activity_id,
        'qinghe_district' as tree,
        {{ clean_text('place_code') }} as place_code,
        null::string as place_name,
        null::string as parent_place_name,
        person as person_key,
        household as household_key,
        case
            when age < 0 or age > 120 then null
            when age < 18 then '0-17'
            when age < 45 then '18-44'
            when age < 60 then '45-59'
            when age >= 60 then '60+'
        end as age_band,
        null::string as group_name,
        headcount as head_count,
        null::string as organisation_id,
        action_code as action,
        state_code as state,
        hours,
        verified as is_verified,
        participation_date,
        started as started_at,
        ended as ended_at,
        {{ reject_reason([
            ('participation_date is null', 'no_date'),
            ('kind_code is null', 'unknown_kind'),
            ('action_code is null', 'unknown_action'),
            ('state_code is null', 'unknown_state'),
            (unreadable('started_at', 'started'), 'unreadable_start'),
            (unreadable('ended_at', 'ended'), 'unreadable_end'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_signin_record__participation
