with delivered as (
    select * from {{ delivered_rows('kcmo_survey') }}
),

city as (
    select
        'city' as place_code, 'Kansas City' as place_name, 'city' as place_level, null::string as parent_place_code,
        {{ provenance() }}
    from delivered
    qualify row_number() over (order by wave, _row_no) = 1
),

council_districts as (
    select
        'district-' || {{ clean_text('council_district') }} as place_code,
        'Council district ' || {{ clean_text('council_district') }} as place_name,
        'council_district' as place_level,
        'city' as parent_place_code,
        {{ provenance() }}
    from delivered
    where {{ clean_text('council_district') }} is not null
    qualify row_number() over (partition by {{ clean_text('council_district') }} order by wave, _row_no) = 1
),

places as (
    select * from city
    union all
    select * from council_districts
),

stg_kcmo_survey__place as (
    select
        'kansas_city' as tree, place_code, place_name, place_name as place_name_en, place_level, parent_place_code,
        null::string as process_code, null::date as valid_from, null::date as valid_to,
        null::string as _reject_reason,
        {{ provenance() }}
    from places
)

select * from stg_kcmo_survey__place
