with delivered as (
    select * from {{ delivered_rows('donation_list') }}
),

read as (
    select
        *,
        {{ parse_local_timestamp('donation_date') }} as donation_local,
        {{ parse_number('amount') }} as amount_number,
        {{ mapped('donor_type', {
            '居民': 'resident', '企业': 'company', '单位': 'institution', '商家': 'merchant', '匿名': 'anonymous'
        }) }} as source_type
    from delivered
),

stg_donation_list__money as (
    select
        {{ clean_text('receipt_no') }} as money_id,
        'donation' as kind,
        case when {{ clean_text('fund') }} is not null then 'E08' end as process_code,
        'qinghe_district' as tree,
        null as place_code,
        {{ clean_text('community') }} as place_name,
        null as parent_place_name,
        source_type,
        case when source_type != 'anonymous' then donor end as counterparty_key,
        amount_number as amount,
        'CNY' as currency,
        donation_local::date as money_date,
        {{ clean_text('fund') }} as fund,
        null::varchar as project_id,
        {{ reject_reason([
            ('donation_local is null', 'unreadable_date'),
            ('amount_number is null', 'unreadable_amount'),
            (clean_text('donor_type') ~ ' is not null and source_type is null', 'unknown_donor_type'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_donation_list__money
