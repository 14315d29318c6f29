with delivered as (
    select * from {{ delivered_rows('place_register') }}
),

read as (
    select
        *,
        {{ mapped('level', {'区': 'district', '镇街': 'town', '社区': 'community', '小区': 'estate'}) }} as place_level,
        {{ clean_text('name') }} as place_name,
        {{ clean_text('parent_name') }} as parent_name_clean,
        {{ clean_text('admin_code') }} as code
    from delivered
),

-- Estates have no code of their own: the parent's code and their name tell them apart.
coded as (
    select
        places.*,
        coalesce(places.code, parents.code || '-' || places.place_name) as place_code,
        parents.code as parent_place_code
    from read as places
    left join read as parents
        on places.parent_name_clean = parents.place_name and parents.place_level != 'estate'
),

stg_place_register__place as (
    select
        'qinghe_district' as tree,
        place_code,
        place_name,
        {{ clean_text('name_en') }} as place_name_en,
        place_level,
        case when place_level in ('community', 'estate') then 'J12' end as process_code,
        parent_place_code,
        null::date as valid_from,
        null::date as valid_to,
        {{ reject_reason([
            ('place_level is null', 'unknown_level'),
            ('place_name is null', 'no_name'),
            ("parent_place_code is null and place_level != 'district'", 'unknown_parent'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from coded
)

select * from stg_place_register__place
