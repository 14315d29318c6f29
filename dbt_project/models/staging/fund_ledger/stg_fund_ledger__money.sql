with delivered as (
    select * from {{ delivered_rows('fund_ledger') }}
),

read as (
    select
        *,
        {{ kind_of_word('money', 'kind') }} as kind_code,
        {{ parse_local_timestamp('money_date') }} as money_local,
        -- 0.8125 of 单位：万元 are 8,125 yuan: more decimals than an amount in yuan has.
        try_cast(replace({{ half_width(clean_text('amount')) }}, ',', '') as decimal(18, 6))
            * case {{ clean_text('unit') }} when '万元' then 10000 when '元' then 1 end as yuan,
        {{ mapped('source_type', {
            '居民': 'resident', '企业': 'company', '政府': 'government', '商家': 'merchant', '基金会': 'foundation'
        }) }} as source_type_code
    from delivered
),

stg_fund_ledger__money as (
    select
        {{ clean_text('voucher_no') }} as money_id,
        kind_code as kind,
        {{ clean_text('process_code') }} as process_code,
        {{ named_place() }},
        source_type_code as source_type,
        {{ yes_or_no('government') }} as is_government,
        counterparty as counterparty_key,
        yuan as amount,
        'CNY' as currency,
        money_local::date as money_date,
        {{ clean_text('fund') }} as fund,
        {{ clean_text('project_no') }} as project_id,
        households as household_count,
        {{ reject_reason([
            ('money_local is null', 'unreadable_date'),
            ('yuan is null', 'unreadable_amount'),
            ('kind_code is null', 'unknown_kind'),
            (unreadable('source_type', 'source_type_code'), 'unknown_source_type'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_fund_ledger__money
