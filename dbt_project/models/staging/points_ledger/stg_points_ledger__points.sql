with delivered as (
    select * from {{ delivered_rows('points_ledger') }}
),

read as (
    select
        *,
        {{ kind_of_word('points', 'kind') }} as kind_code,
        {{ parse_local_timestamp('posted_at') }} as posted_local,
        {{ parse_number('points') }} as points_number
    from delivered
),

stg_points_ledger__points as (
    select
        {{ clean_text('entry_no') }} as entry_id,
        kind_code as kind,
        {{ clean_text('process_code') }} as process_code,
        {{ named_place() }},
        account as account_key,
        points_number as points,
        {{ clean_text('rule') }} as rule_code,
        {{ clean_text('reference_no') }} as reference_id,
        {{ clean_text('item') }} as item,
        quantity,
        {{ instant_at('posted_local', '_time_zone') }} as posted_at,
        {{ reject_reason([
            ('posted_local is null', 'unreadable_posted_at'),
            ('points_number is null', 'unreadable_points'),
            ('kind_code is null', 'unknown_kind'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_points_ledger__points
