with delivered as (
    select * from {{ delivered_rows('bench_money') }}
),

read as (
    select
        *,
        {{ kind_of_word('money', 'kind') }} as kind_code,
        {{ mapped('source_type', {'居民': 'resident', '企业': 'company', '政府': 'government',
            '基金会': 'foundation'}) }} as source_type_code
    from delivered
),

stg_bench_money__money as (
    select
        {{ clean_text('voucher_no') }} as money_id,
        kind_code as kind,
        null::varchar as process_code,
        'qinghe_district' as tree,
        {{ clean_text('place_code') }} as place_code,
        null::varchar as place_name,
        null::varchar as parent_place_name,
        source_type_code as source_type,
        source_type_code = 'government' as is_government,
        counterparty as counterparty_key,
        amount,
        'CNY' as currency,
        money_date,
        {{ clean_text('fund') }} as fund,
        {{ clean_text('project_no') }} as project_id,
        {{ reject_reason([
            ('amount is null', 'no_amount'),
            ('kind_code is null', 'unknown_kind'),
            (unreadable('source_type', 'source_type_code'), 'unknown_source_type'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_bench_money__money
