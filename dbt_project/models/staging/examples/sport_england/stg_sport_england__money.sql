with delivered as (
    select * from {{ delivered_rows('sport_england') }}
),

stg_sport_england__money as (
    select
        _layout || ':' || _row_no as money_id,
        'award' as kind,
        null::string as process_code,
        'england' as tree,
        null::string as place_code,
        {{ clean_text('region') }} as place_name,
        null::string as parent_place_name,
        null::string as source_type,
        lower(regexp_replace({{ clean_text('recipient_name') }}, '\s+', ' ', 'g')) as counterparty_key,
        amount,
        {{ clean_text('currency') }} as currency,
        award_date as money_date,
        _layout as fund,
        {{ clean_text('award_id') }} as project_id,
        {{ reject_reason([
            ('amount is null', 'missing_amount'),
            ('award_date is null', 'missing_award_date'),
            (clean_text('currency') ~ ' is null', 'missing_currency'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from delivered
)

select * from stg_sport_england__money
