with delivered as (
    select * from {{ delivered_rows('population_register') }}
),

measures as (
    select * from delivered
    unpivot (value_text for measure in (permanent, registered, households))
),

read as (
    select
        *,
        {{ parse_local_timestamp('statistics_date') }} as statistics_local,
        {{ parse_number('value_text') }} as value
    from measures
),

stg_population_register__population as (
    select
        'qinghe_district' as tree,
        null as place_code,
        coalesce({{ clean_text('estate') }}, {{ clean_text('community') }}, {{ clean_text('town') }}) as place_name,
        case
            when {{ clean_text('estate') }} is not null then {{ clean_text('community') }}
            when {{ clean_text('community') }} is not null then {{ clean_text('town') }}
        end as parent_place_name,
        statistics_local::date as as_of_date,
        measure,
        null::varchar as process_code,
        value,
        value as lower,
        value as upper,
        'exact' as approx,
        {{ reject_reason([
            ('statistics_local is null', 'unreadable_statistics_date'),
            (unreadable('value_text', 'value'), 'unreadable_value'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_population_register__population
