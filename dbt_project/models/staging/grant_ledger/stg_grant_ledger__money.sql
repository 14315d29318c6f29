with delivered as (
    select * from {{ delivered_rows('grant_ledger') }}
),

read as (
    select
        *,
        {{ parse_local_timestamp('grant_date') }} as grant_local,
        {{ parse_number('amount') }} as amount_number,
        {{ mapped('kind', {'立项': 'award', '拨付': 'disbursement', '支出': 'expenditure'}) }} as kind_code
    from delivered
),

stg_grant_ledger__money as (
    select
        {{ clean_text('voucher_no') }} as money_id,
        kind_code as kind,
        'E01' as process_code,
        'qinghe_district' as tree,
        null as place_code,
        {{ clean_text('community') }} as place_name,
        null as parent_place_name,
        'foundation' as source_type,
        {{ clean_text('funder') }} as counterparty_key,
        amount_number as amount,
        'CNY' as currency,
        grant_local::date as money_date,
        {{ clean_text('funder') }} as fund,
        {{ clean_text('project_no') }} as project_id,
        {{ reject_reason([
            ('grant_local is null', 'unreadable_date'),
            ('amount_number is null', 'unreadable_amount'),
            ('kind_code is null', 'unknown_kind'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_grant_ledger__money
