with recursive places as (
    select * from {{ ref('int_place') }}
),

ancestors as (
    select place_key, place_key as ancestor_place_key, 0 as distance, parent_place_key as next_place_key, tree
    from places
    union all
    select
        ancestors.place_key, parents.place_key as ancestor_place_key, ancestors.distance + 1 as distance,
        parents.parent_place_key as next_place_key, ancestors.tree
    from ancestors
    inner join places as parents on ancestors.next_place_key = parents.place_key
),

int_place_ancestor as (
    select place_key, ancestor_place_key, distance, tree from ancestors
)

select * from int_place_ancestor
