with delivered as (
    select * from {{ delivered_rows('bench_case') }} where _layout = 'cases'
),

read as (
    select
        *,
        {{ kind_of_word('case', 'kind') }} as kind_code,
        {{ mapped('result', {'在办': 'open', '办结': 'resolved', '不予受理': 'rejected', '撤回': 'withdrawn'}) }} as outcome
    from delivered
),

stg_bench_case__case as (
    select
        {{ clean_text('case_no') }} as case_id,
        kind_code as kind,
        null::varchar as process_code,
        'qinghe_district' as tree,
        {{ clean_text('place_code') }} as place_code,
        null::varchar as place_name,
        null::varchar as parent_place_name,
        {{ clean_text('category') }} as category,
        null::varchar as channel,
        outcome,
        created_at at time zone _time_zone as opened_at,
        finished_at at time zone _time_zone as ended_at,
        null::timestamptz as last_changed_at,
        due_date,
        {{ reject_reason([
            ('created_at is null', 'no_created_at'),
            ('kind_code is null', 'unknown_kind'),
            ('outcome is null', 'unknown_result'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_bench_case__case
