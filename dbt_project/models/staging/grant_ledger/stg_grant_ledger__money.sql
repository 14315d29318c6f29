with delivered as (
    select * from {{ delivered_rows('grant_ledger') }}
),

read as (
    select
        *,
        {{ parse_local_timestamp('grant_date') }} as grant_local,
        {{ parse_number('amount') }} as amount_number,
        {{ mapped('kind', {
            '预算': 'budget', '立项': 'award', '拨付': 'disbursement', '支出': 'expenditure', '自筹': 'matching_contribution',
            '实物': 'in_kind_donation'
        }) }} as kind_code,
        {{ mapped('funder_nature', {'政府': 'government', '基金会': 'foundation', '企业': 'company', '自筹': 'self'}) }} as source_type
    from delivered
),

stg_grant_ledger__money as (
    select
        {{ clean_text('voucher_no') }} as money_id,
        kind_code as kind,
        processes.process_code,
        'qinghe_district' as tree,
        null as place_code,
        coalesce({{ clean_text('community') }}, '青禾区') as place_name,
        null as parent_place_name,
        source_type,
        source_type = 'government' as is_government,
        {{ clean_text('funder') }} as counterparty_key,
        amount_number as amount,
        'CNY' as currency,
        grant_local::date as money_date,
        {{ clean_text('funder') }} as fund,
        {{ clean_text('project_no') }} as project_id,
        {{ clean_text('round_code') }} as round_code,
        {{ reject_reason([
            ('grant_local is null', 'unreadable_date'),
            (unreadable('amount', 'amount_number'), 'unreadable_amount'),
            ("amount_number is null and kind_code is distinct from 'in_kind_donation'", 'no_amount'),
            ('kind_code is null', 'unknown_kind'),
            (clean_text('funder_nature') ~ ' is not null and source_type is null', 'unknown_funder_nature'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
    left join {{ ref('process_catalogue') }} as processes on {{ clean_text('programme') }} = processes.name_zh
)

select * from stg_grant_ledger__money
