with delivered as (
    select * from {{ delivered_rows('population_register') }}
),

measures as (
    select * from delivered
    unpivot (value_text for measure in (
        permanent, registered, households, permanent_male, permanent_female,
        permanent_age_0_17, permanent_age_18_44, permanent_age_45_59, permanent_age_60_plus
    ))
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
        case measure when 'permanent' then 'H09' when 'households' then 'J13' end as process_code,
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
