with delivered as (
    select * from {{ delivered_rows('role_list') }}
),

read as (
    select
        *,
        {{ kind_of_word('role', 'kind') }} as kind_code,
        {{ parse_local_timestamp('valid_from') }}::date as first_day,
        {{ parse_local_timestamp('valid_to') }}::date as end_day,
        {{ mapped('appointed_by', {
            '自荐': 'self_nomination', '推荐': 'recommendation', '选举': 'election', '任命': 'appointment', '招聘': 'recruitment'
        }) }} as appointed_by_code
    from delivered
),

stg_role_list__role as (
    select
        {{ clean_text('role_no') }} as role_id,
        kind_code as kind,
        {{ clean_text('process_code') }} as process_code,
        {{ named_place() }},
        person as person_key,
        null::string as organisation_id,
        {{ clean_text('post') }} as post,
        {{ clean_text('grade') }} as grade,
        appointed_by_code as appointed_by,
        first_day as valid_from,
        end_day as valid_to,
        {{ reject_reason([
            ('kind_code is null', 'unknown_kind'),
            (unreadable('valid_from', 'first_day'), 'unreadable_valid_from'),
            (unreadable('valid_to', 'end_day'), 'unreadable_valid_to'),
            (unreadable('appointed_by', 'appointed_by_code'), 'unknown_appointed_by'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_role_list__role
