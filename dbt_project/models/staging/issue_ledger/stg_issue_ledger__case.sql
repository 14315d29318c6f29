with delivered as (
    select * from {{ delivered_rows('issue_ledger') }}
),

read as (
    select
        *,
        {{ parse_local_timestamp('collected_at') }} as opened_local,
        {{ parse_local_timestamp('closed_at') }} as ended_local,
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
        {{ mapped('channel', {'书记下午茶': 'A01', '议事日': 'A03', '楼长日': 'D14', '网格': 'B05'}) }} as process_code,
        'qinghe_district' as tree,
        null as place_code,
        {{ clean_text('estate') }} as place_name,
        {{ clean_text('community') }} as parent_place_name,
        {{ clean_text('category') }} as category,
        {{ clean_text('channel') }} as channel,
        outcome,
        opened_local at time zone _time_zone as opened_at,
        ended_local at time zone _time_zone as ended_at,
        null::timestamptz as last_changed_at,
        {{ reject_reason([
            (unreadable('collected_at', 'opened_local') ~ ' or opened_local is null', 'unreadable_collected_at'),
            (unreadable('closed_at', 'ended_local'), 'unreadable_closed_at'),
            ('outcome is null', 'unknown_state'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_issue_ledger__case
