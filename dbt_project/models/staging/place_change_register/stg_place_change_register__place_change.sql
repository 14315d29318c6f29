with delivered as (
    select * from {{ delivered_rows('place_change_register') }}
),

read as (
    select
        *,
        {{ mapped('change_kind', {'合并': 'merge', '拆分': 'split', '移交': 'transfer', '更名': 'rename'}) }} as change_type,
        {{ parse_local_timestamp('effective_date') }}::date as effective_day
    from delivered
),

stg_place_change_register__place_change as (
    select
        {{ clean_text('change_no') }} as change_id,
        'qinghe_district' as tree,
        {{ clean_text('old_code') }} as old_place_code,
        {{ clean_text('old_name') }} as old_place_name,
        {{ clean_text('new_code') }} as new_place_code,
        {{ clean_text('new_name') }} as new_place_name,
        change_type,
        effective_day as effective_date,
        {{ clean_text('document_no') }} as document_no,
        {{ reject_reason([
            ('change_no is null', 'no_change_no'),
            ('change_type is null', 'unknown_change_type'),
            ('effective_day is null', 'unreadable_effective_date'),
            (clean_text('coalesce(old_code, old_name)') ~ ' is null', 'no_old_place'),
            (clean_text('coalesce(new_code, new_name)') ~ ' is null', 'no_new_place'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_place_change_register__place_change
