with lines as (
    select place_key, tree, counts_from, counts_to, place_line, {{ unnested('place_line') }} as ancestor_place_key
    from {{ ref('int_place_path') }}
),

int_place_ancestor as (
    select
        lines.place_key, places.place_number, lines.ancestor_place_key, ancestors.place_number as ancestor_place_number,
        (cardinality(lines.place_line) - array_position(lines.place_line, lines.ancestor_place_key))::bigint as distance,
        lines.tree, lines.counts_from, lines.counts_to
    from lines
    inner join {{ ref('int_place') }} as places on lines.place_key = places.place_key
    inner join {{ ref('int_place') }} as ancestors on lines.ancestor_place_key = ancestors.place_key
)

select * from int_place_ancestor
