with delivered as (
    select * from {{ delivered_rows('donation_list') }}
),

quantities as (
    select * from {{ parsed_quantities('delivered', 'amount', 'amount_unit') }}
),

read as (
    select
        delivered.*,
        {{ parse_local_timestamp('donation_date') }} as donation_local,
        case when quantities.unit = '元' then quantities.value end as amount_number,
        processes.process_code,
        {{ mapped('donor_type', {
            '居民': 'resident', '企业': 'company', '单位': 'institution', '商家': 'merchant', '匿名': 'anonymous'
        }) }} as source_type
    from delivered
    left join quantities
        on delivered.amount = quantities.raw_text and delivered.amount_unit is not distinct from quantities.stated_unit
    left join {{ ref('process_catalogue') }} as processes on {{ clean_text('campaign') }} = processes.name_zh
),

stg_donation_list__money as (
    select
        {{ clean_text('receipt_no') }} as money_id,
        case when process_code = 'E16' then 'in_kind_donation' else 'donation' end as kind,
        process_code,
        'qinghe_district' as tree,
        null as place_code,
        {{ clean_text('community') }} as place_name,
        null as parent_place_name,
        source_type,
        case when source_type != 'institution' then false end as is_government,
        case when source_type != 'anonymous' then donor end as counterparty_key,
        amount_number as amount,
        'CNY' as currency,
        donation_local::date as money_date,
        {{ clean_text('fund') }} as fund,
        null::string as project_id,
        {{ reject_reason([
            ('donation_local is null', 'unreadable_date'),
            (unreadable('amount', 'amount_number'), 'unreadable_amount'),
            ("amount_number is null and process_code is distinct from 'E16'", 'no_amount'),
            (clean_text('donor_type') ~ ' is not null and source_type is null', 'unknown_donor_type'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_donation_list__money
