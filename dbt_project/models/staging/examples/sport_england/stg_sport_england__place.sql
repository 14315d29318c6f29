with awards as (
    select * from {{ ref('stg_sport_england__money') }}
),

country as (
    select
        'country' as place_code, 'England' as place_name, 'country' as place_level, null::string as parent_place_code,
        {{ provenance() }}
    from awards
    qualify row_number() over (order by fund, _row_no) = 1
),

-- UNKNOWN is no place, and Wales (a handful of awards) is no region of England.
regions as (
    select
        lower(replace(place_name, ' ', '-')) as place_code, place_name, 'region' as place_level,
        'country' as parent_place_code, {{ provenance() }}
    from awards
    where place_name not in ('UNKNOWN', 'Wales')
    qualify row_number() over (partition by place_name order by fund, _row_no) = 1
),

places as (
    select * from country
    union all
    select * from regions
),

stg_sport_england__place as (
    select
        'england' as tree, place_code, place_name, place_name as place_name_en, place_level, parent_place_code,
        null::string as process_code, null::date as valid_from, null::date as valid_to,
        null::string as _reject_reason,
        {{ provenance() }}
    from places
)

select * from stg_sport_england__place
