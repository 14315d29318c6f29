with delivered as (
    select * from {{ delivered_rows('case_platform') }}
),

read as (
    select
        *,
        {{ kind_of_word('case', 'kind') }} as kind_code,
        {{ parse_instant('created_at') }} as opened,
        {{ parse_instant('finished_at') }} as ended,
        {{ parse_instant('response_due_at') }} as response_due,
        {{ parse_instant('first_response_at') }} as first_response,
        {{ mapped('result', {
            '在办': 'open', '办结': 'resolved', '不予受理': 'rejected', '撤回': 'withdrawn', '取消': 'cancelled', '转出': 'referred_out'
        }) }} as outcome
    from delivered
),

stg_case_platform__case as (
    select
        {{ clean_text('case_no') }} as case_id,
        kind_code as kind,
        {{ clean_text('process_code') }} as process_code,
        'qinghe_district' as tree,
        {{ clean_text('place_code') }} as place_code,
        null::string as place_name,
        null::string as parent_place_name,
        {{ clean_text('category') }} as category,
        {{ clean_text('channel') }} as channel,
        lower({{ clean_text('state') }}) as state,
        outcome,
        opened as opened_at,
        ended as ended_at,
        null::{{ type_of('timestamptz') }} as last_changed_at,
        due_date,
        response_due as response_due_at,
        first_response as first_response_at,
        'signin_platform' as activity_source,
        {{ clean_text('session_no') }} as activity_id,
        rating,
        rating_by_system as rating_is_default,
        {{ mapped('callback_state', {'已接通': 'reached', '未接通': 'not_reached', '拒访': 'refused'}) }} as callback_state,
        {{ yes_or_no('callback_resolved') }} as callback_is_resolved,
        {{ yes_or_no('callback_satisfied') }} as callback_is_satisfied,
        {{ mapped('callback_exclusion', {
            '超出职权范围': 'beyond_authority', '无政策法规依据': 'no_legal_basis', '已进入诉讼仲裁信访程序': 'in_court',
            '恶意或虚假诉求': 'malicious', '重复诉求': 'duplicate', '咨询类': 'consultation'
        }) }} as exclusion_reason,
        applicant as applicant_key,
        {{ clean_text('round') }} as round_code,
        events,
        {{ reject_reason([
            ('opened is null', 'unreadable_created_at'),
            (unreadable('finished_at', 'ended'), 'unreadable_finished_at'),
            ('kind_code is null', 'unknown_kind'),
            ('outcome is null', 'unknown_result'),
            (unreadable('response_due_at', 'response_due'), 'unreadable_response_due_at'),
            (unreadable('first_response_at', 'first_response'), 'unreadable_first_response_at'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_case_platform__case
