with delivered as (
    select * from {{ delivered_rows('tally_sheet') }}
    qualify row_number() over (partition by {{ clean_text('vote_no') }} order by _row_no) = 1
),

read as (
    select
        *,
        {{ kind_of_word('vote', 'kind') }} as kind_code,
        {{ mapped('state', {
            '已公告': 'announced', '公示期': 'notice', '投票中': 'open', '已截止': 'closed', '已计票': 'counted', '已公布': 'published',
            '已备案': 'filed', '已取消': 'cancelled'
        }) }} as state_code,
        {{ mapped('result', {'通过': 'passed', '未通过': 'failed', '未达法定比例': 'no_quorum'}) }} as result_code,
        {{ mapped('voter_unit', {'户': 'household', '人': 'person'}) }} as voter_unit_code
    from delivered
),

stg_tally_sheet__vote as (
    select
        {{ clean_text('vote_no') }} as vote_id,
        kind_code as kind,
        {{ clean_text('process_code') }} as process_code,
        {{ clean_text('title') }} as title,
        {{ named_place() }},
        state_code as state,
        result_code as result,
        announced_date, opened_date, closed_date,
        voter_unit_code as voter_unit,
        eligible_count, issued_count, returned_count, valid_count, invalid_count, eligible_area, returned_area,
        {{ reject_reason([
            ('kind_code is null', 'unknown_kind'),
            ('state_code is null', 'unknown_state'),
            (unreadable('result', 'result_code'), 'unknown_result'),
            ('voter_unit_code is null', 'unknown_voter_unit'),
            ('coalesce(closed_date, opened_date, announced_date) is null', 'no_date'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_tally_sheet__vote
