with delivered as (
    select * from {{ delivered_rows('la311') }}
),

city as (
    select
        'city' as place_code, 'Los Angeles' as place_name, 'city' as place_level, null::string as parent_place_code,
        {{ provenance() }}
    from delivered
    qualify row_number() over (order by created_at desc nulls last, _row_no) = 1
),

-- A council has the name that its latest request gives.
neighbourhood_councils as (
    select
        'nc-' || {{ clean_text('neighbourhood_council_code') }} as place_code,
        {{ clean_text('neighbourhood_council') }} as place_name,
        'neighbourhood_council' as place_level,
        'city' as parent_place_code,
        {{ provenance() }}
    from delivered
    where {{ clean_text('neighbourhood_council_code') }} is not null
    qualify row_number() over (
        partition by {{ clean_text('neighbourhood_council_code') }} order by created_at desc nulls last, _row_no
    ) = 1
),

places as (
    select * from city
    union all
    select * from neighbourhood_councils
),

stg_la311__place as (
    select
        'los_angeles' as tree, place_code, place_name, place_name as place_name_en, place_level, parent_place_code,
        null::string as process_code, null::date as valid_from, null::date as valid_to,
        {{ reject_reason([('place_name is null', 'missing_place_name')]) }} as _reject_reason,
        {{ provenance() }}
    from places
)

select * from stg_la311__place
