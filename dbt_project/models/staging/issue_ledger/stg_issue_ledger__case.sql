with delivered as (
    select * from {{ delivered_rows('issue_ledger') }}
),

read as (
    select
        *,
        {{ parse_local_timestamp('collected_at') }} as opened_local,
        {{ parse_local_timestamp('closed_at') }} as ended_local,
        {{ mapped('state', {
            '待受理': 'raised', '办理中': 'assigned', '已解决': 'resolved', '已办结': 'resolved', '不予受理': 'rejected',
            '已撤回': 'withdrawn', '已转办': 'referred_out'
        }) }} as state_read,
        try_cast({{ clean_text('satisfaction') }} as integer) as rating
    from delivered
),

with_outcome as (
    select read.*, states.outcome
    from read
    left join {{ ref('state_machine') }} as states on states.machine = 'issue' and read.state_read = states.state
),

stg_issue_ledger__case as (
    select
        case_no as case_id,
        'issue' as kind,
        {{ mapped('channel', {'书记下午茶': 'A01', '议事日': 'A03', '楼长日': 'D14', '网格': 'B05'}) }} as process_code,
        'qinghe_district' as tree,
        null as place_code,
        {{ clean_text('estate') }} as place_name,
        {{ clean_text('community') }} as parent_place_name,
        {{ clean_text('category') }} as category,
        {{ clean_text('channel') }} as channel,
        state_read as state,
        outcome,
        rating,
        opened_local at time zone _time_zone as opened_at,
        ended_local at time zone _time_zone as ended_at,
        null::timestamptz as last_changed_at,
        {{ reject_reason([
            (unreadable('collected_at', 'opened_local') ~ ' or opened_local is null', 'unreadable_collected_at'),
            (unreadable('closed_at', 'ended_local'), 'unreadable_closed_at'),
            ('state_read is null', 'unknown_state'),
            (unreadable('satisfaction', 'rating') ~ ' or rating not between 1 and 5', 'unreadable_satisfaction'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from with_outcome
)

select * from stg_issue_ledger__case
