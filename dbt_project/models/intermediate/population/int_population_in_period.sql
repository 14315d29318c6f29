with recursive periods as (
    select distinct tree, period_type, period_start, period_end from {{ ref('int_period') }}
),

-- A count that names a place which the tree does not know stands for that place, not for the one above it.
counts as (
    select places.tree, population.place_key, population.measure, population.as_of_date, population.value
    from {{ ref('int_population') }} as population
    inner join {{ ref('int_place') }} as places on population.place_key = places.place_key
    where population.place_match in ('code', 'name') and population.value is not null and not places.is_unknown_member
    qualify row_number() over (
        partition by population.place_key, population.measure, population.as_of_date
        order by population.source, population.file_id, population.row_no desc
    ) = 1
),

-- No count is used for a period that ended before it was taken.
latest_counts as (
    select counts.place_key, counts.measure, ends.period_end, counts.value, counts.as_of_date
    from counts
    inner join (select distinct tree, period_end from periods) as ends
        on counts.tree = ends.tree and counts.as_of_date < ends.period_end
    qualify row_number() over (
        partition by counts.place_key, counts.measure, ends.period_end order by counts.as_of_date desc
    ) = 1
),

-- What a place took in since it was counted is added with its own last count.
taken_in as (
    select
        moves.to_place_key as place_key, measures.measure, ends.period_end,
        sum(theirs.value) as value, min(theirs.as_of_date) as as_of_date, bool_and(theirs.value is not null) as is_complete
    from {{ ref('int_place_move') }} as moves
    inner join {{ ref('int_place') }} as places on moves.to_place_key = places.place_key
    inner join (select distinct tree, measure from counts) as measures on places.tree = measures.tree
    inner join (select distinct tree, period_end from periods) as ends
        on places.tree = ends.tree and moves.effective_date < ends.period_end
    left join latest_counts as theirs
        on moves.place_key = theirs.place_key and measures.measure = theirs.measure and ends.period_end = theirs.period_end
    left join latest_counts as mine
        on moves.to_place_key = mine.place_key and measures.measure = mine.measure and ends.period_end = mine.period_end
    where moves.is_whole and moves.place_key != moves.to_place_key
        and (mine.as_of_date is null or mine.as_of_date < moves.effective_date)
    group by all
),

own_counts as (
    select
        coalesce(latest_counts.place_key, taken_in.place_key) as place_key,
        coalesce(latest_counts.measure, taken_in.measure) as measure,
        coalesce(latest_counts.period_end, taken_in.period_end) as period_end,
        coalesce(latest_counts.value, 0) + coalesce(taken_in.value, 0) as value,
        least(latest_counts.as_of_date, taken_in.as_of_date) as as_of_date
    from latest_counts
    full join taken_in
        on latest_counts.place_key = taken_in.place_key and latest_counts.measure = taken_in.measure
        and latest_counts.period_end = taken_in.period_end
    where coalesce(taken_in.is_complete, true)
),

versions as (
    select * from {{ ref('dim_place') }} where place_level != 'unknown'
),

-- The places of a period; of one that ended within it, its last day.
wholes as (
    select
        versions.place_key, measures.measure, periods.period_type, periods.period_start, periods.period_end,
        max(least(periods.period_end, versions.valid_to)) - 1 as last_day
    from versions
    inner join periods
        on versions.tree = periods.tree
        and {{ overlap('versions.valid_from', 'versions.valid_to', 'periods.period_start', 'periods.period_end') }}
    inner join (select distinct tree, measure from counts) as measures on versions.tree = measures.tree
    group by all
),

parts as (
    select wholes.*, wholes.place_key as part_place_key, own_counts.value, own_counts.as_of_date
    from wholes
    left join own_counts
        on wholes.place_key = own_counts.place_key and wholes.measure = own_counts.measure
        and wholes.period_end = own_counts.period_end
    union all
    select
        parts.place_key, parts.measure, parts.period_type, parts.period_start, parts.period_end, parts.last_day,
        children.place_key as part_place_key, own_counts.value, own_counts.as_of_date
    from parts
    inner join versions as children
        on parts.value is null and parts.part_place_key = children.parent_place_key
        and {{ valid_on('children.valid_from', 'children.valid_to', 'parts.last_day') }}
    left join own_counts
        on children.place_key = own_counts.place_key and parts.measure = own_counts.measure
        and parts.period_end = own_counts.period_end
),

without_count as (
    select distinct parts.place_key, parts.measure, parts.period_type, parts.period_start
    from parts
    where parts.value is null
        and not exists (
            select 1 from versions as children
            where children.parent_place_key = parts.part_place_key
                and {{ valid_on('children.valid_from', 'children.valid_to', 'parts.last_day') }}
        )
),

int_population_in_period as (
    select
        parts.place_key, parts.period_type, parts.period_start, parts.period_end, parts.measure,
        sum(parts.value) as value, min(parts.as_of_date) as as_of_date
    from parts
    anti join without_count using (place_key, measure, period_type, period_start)
    group by all
)

select * from int_population_in_period
