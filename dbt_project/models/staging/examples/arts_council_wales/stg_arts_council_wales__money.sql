{% set english_names = {
    'Gogledd Cymru': 'North Wales', 'Canol De Cymru': 'South Wales Central', 'Gorllewin Caerdydd': 'Cardiff West'
} %}
with delivered as (
    select * from {{ delivered_rows('arts_council_wales') }}
),

-- `Region\Area`, or the region alone, or Outside Wales.
located as (
    select
        *,
        {{ clean_text("split_part(location, '\\', 1)") }} as region_as_published,
        {{ clean_text("split_part(location, '\\', 2)") }} as area_as_published
    from delivered
),

named as (
    select
        *,
        coalesce({{ mapped('region_as_published', english_names) }}, region_as_published) as region,
        coalesce({{ mapped('area_as_published', english_names) }}, area_as_published) as area
    from located
),

stg_arts_council_wales__money as (
    select
        _row_no::string as money_id,
        'award' as kind,
        null::string as process_code,
        'wales' as tree,
        null::string as place_code,
        coalesce(area, region) as place_name,
        case when area is not null then region end as parent_place_name,
        null::string as source_type,
        recipient as counterparty_key,
        amount,
        {{ clean_text('currency') }} as currency,
        award_date as money_date,
        {{ clean_text('scheme') }} as fund,
        {{ clean_text('award_id') }} as project_id,
        {{ reject_reason([
            ('amount is null', 'missing_amount'),
            ('award_date is null', 'missing_award_date'),
            (clean_text('currency') ~ ' is null', 'missing_currency'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from named
)

select * from stg_arts_council_wales__money
