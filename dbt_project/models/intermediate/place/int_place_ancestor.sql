with lines as (
    select place_key, tree, counts_from, counts_to, len(place_line) as depth, unnest(place_line) as ancestor_place_key,
        generate_subscripts(place_line, 1) as position
    from {{ ref('int_place_path') }}
),

int_place_ancestor as (
    select place_key, ancestor_place_key, depth - position as distance, tree, counts_from, counts_to from lines
)

select * from int_place_ancestor
