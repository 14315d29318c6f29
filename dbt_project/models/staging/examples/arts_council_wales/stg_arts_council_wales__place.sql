with awards as (
    select * from {{ ref('stg_arts_council_wales__money') }}
),

-- Only what is published as `Region\Area` is a place of Wales: Outside Wales is not.
within_wales as (
    select
        *,
        lower(regexp_replace(parent_place_name, '[^\p{L}]+', '-', 'g')) as region_code,
        lower(regexp_replace(place_name, '[^\p{L}]+', '-', 'g')) as area_code
    from awards
    where parent_place_name is not null
),

country as (
    select
        'country' as place_code, 'Wales' as place_name, 'country' as place_level, null::string as parent_place_code,
        {{ provenance() }}
    from awards
    qualify row_number() over (order by _row_no) = 1
),

regions as (
    select
        region_code as place_code, parent_place_name as place_name, 'region' as place_level,
        'country' as parent_place_code, {{ provenance() }}
    from within_wales
    qualify row_number() over (partition by parent_place_name order by _row_no) = 1
),

areas as (
    select
        region_code || '/' || area_code as place_code, place_name, 'area' as place_level,
        region_code as parent_place_code, {{ provenance() }}
    from within_wales
    qualify row_number() over (partition by parent_place_name, place_name order by _row_no) = 1
),

places as (
    select * from country
    union all
    select * from regions
    union all
    select * from areas
),

stg_arts_council_wales__place as (
    select
        'wales' as tree, place_code, place_name, place_name as place_name_en, place_level, parent_place_code,
        null::string as process_code, null::date as valid_from, null::date as valid_to,
        null::string as _reject_reason,
        {{ provenance() }}
    from places
)

select * from stg_arts_council_wales__place
