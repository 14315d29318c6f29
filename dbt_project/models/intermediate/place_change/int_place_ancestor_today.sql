with successors as (
    select distinct place_key, counts_from, counts_to, successor_place_key from {{ ref('int_place_successor') }}
),

tree_of_today as (
    select ancestors.place_key, ancestors.ancestor_place_key, ancestors.tree
    from {{ ref('int_place_ancestor') }} as ancestors
    inner join {{ ref('int_current_day') }} as current_days
        on ancestors.tree = current_days.tree
        and {{ valid_on('ancestors.counts_from', 'ancestors.counts_to', 'current_days.current_day') }}
),

-- What went to several places cannot be divided among them: it belongs to the places that are above all of them.
above_all_successors as (
    select
        successors.place_key, successors.counts_from, successors.counts_to, tree_of_today.ancestor_place_key, tree_of_today.tree
    from (
        select *, count(*) over (partition by place_key, counts_from) as successor_count from successors
    ) as successors
    inner join tree_of_today on successors.successor_place_key = tree_of_today.place_key
    group by all
    having count(*) = any_value(successors.successor_count)
),

-- Where the register left a place below one that is gone, the successor of that one stands for it.
above as (
    select
        below.place_key, below.counts_from, below.counts_to, coalesce(above_it.ancestor_place_key, below.ancestor_place_key)
            as ancestor_place_key, below.tree
    from above_all_successors as below
    left join above_all_successors as above_it
        on below.ancestor_place_key = above_it.place_key and above_it.counts_to is null
    where coalesce(above_it.ancestor_place_key, below.ancestor_place_key) in (
        select place_key from successors where place_key = successor_place_key and counts_to is null
    )
    group by all
),

-- Both ways: a place that was divided, and whose parts have taken in nothing else since, goes on as the sum of its parts.
divided as (
    select place_key, successor_place_key, way
    from {{ ref('int_place_successor') }}
    where counts_to is null
    qualify min(successor_place_key) over (partition by place_key) != max(successor_place_key) over (partition by place_key)
),

mixed as (
    select distinct divided.place_key
    from divided
    inner join {{ ref('int_place_successor') }} as others on divided.successor_place_key = others.successor_place_key
    where not array_contains(others.way, divided.place_key)
        and not exists (
            select 1 from divided as parts where parts.place_key = divided.place_key and array_contains(parts.way, others.place_key)
        )
),

parts as (
    select distinct place_key, successor_place_key from divided where place_key not in (select place_key from mixed)
),

within_divided as (
    select
        successors.place_key, successors.counts_from, successors.counts_to, parts.place_key as ancestor_place_key,
        tree_of_today.tree
    from (
        select *, count(*) over (partition by place_key, counts_from) as successor_count from successors
    ) as successors
    inner join tree_of_today on successors.successor_place_key = tree_of_today.place_key
    inner join parts on tree_of_today.ancestor_place_key = parts.successor_place_key
    group by all
    having count(distinct successors.successor_place_key) = any_value(successors.successor_count)
),

int_place_ancestor_today as (
    select * from above
    union
    select * from within_divided
)

select * from int_place_ancestor_today
