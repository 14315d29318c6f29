{{ config(meta={'row_by_row': true}) }}

with delivered as (
    select * from {{ delivered_rows('bench_participation') }}
),

read as (
    select
        *,
        {{ kind_of_word('participation', 'kind') }} as kind_code,
        {{ mapped('action', {'参加': 'attend', '服务': 'volunteer', '议事': 'deliberate'}) }} as action_code,
        {{ mapped('state', {'已报名': 'registered', '已签到': 'attended', '缺席': 'absent', '已登记': 'recorded'}) }} as state_code
    from delivered
),

stg_bench_participation__participation as (
    select
        row_no::varchar as participation_id,
        kind_code as kind,
        null::varchar as process_code,
        null::varchar as activity_source,
        null::varchar as activity_id,
        'qinghe_district' as tree,
        {{ clean_text('place_code') }} as place_code,
        null::varchar as place_name,
        null::varchar as parent_place_name,
        person as person_key,
        case
            when age < 0 or age > 120 then null
            when age < 18 then '0-17'
            when age < 45 then '18-44'
            when age < 60 then '45-59'
            when age >= 60 then '60+'
        end as age_band,
        null::varchar as group_name,
        null::bigint as head_count,
        null::varchar as organisation_id,
        action_code as action,
        state_code as state,
        hours,
        true as is_verified,
        participation_date,
        null::timestamptz as started_at,
        null::timestamptz as ended_at,
        {{ reject_reason([
            ('participation_date is null', 'no_date'),
            ('kind_code is null', 'unknown_kind'),
            ('action_code is null', 'unknown_action'),
            ('state_code is null', 'unknown_state'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_bench_participation__participation
