with lines as (
    select place_key, tree, counts_from, counts_to, place_line, {{ unnested('place_line') }} as ancestor_place_key
    from {{ ref('int_place_path') }}
),

int_place_ancestor as (
    select
        place_key, ancestor_place_key,
        (cardinality(place_line) - array_position(place_line, ancestor_place_key))::bigint as distance,
        tree, counts_from, counts_to
    from lines
)

select * from int_place_ancestor
