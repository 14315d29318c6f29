with places as (
    select * from {{ ref('int_place') }}
),

ancestors as (
    select * from {{ ref('int_place_ancestor') }}
),

paths as (
    select
        ancestors.place_key,
        string_agg(places.place_name, ' / ' order by ancestors.distance desc) as place_path,
        max(ancestors.distance)::integer as place_depth
    from ancestors
    inner join places on ancestors.ancestor_place_key = places.place_key
    group by ancestors.place_key
),

dim_place as (
    select
        places.place_key,
        places.tree,
        places.place_code,
        places.place_name,
        places.place_name_en,
        places.place_level,
        places.parent_place_key,
        paths.place_path,
        paths.place_depth,
        places.time_zone,
        places.valid_from,
        places.valid_to,
        places.source,
        places.file_id,
        places.row_no
    from places
    inner join paths on places.place_key = paths.place_key
)

select * from dim_place
