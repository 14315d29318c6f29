with recursive moves as (
    select moves.*
    from {{ ref('int_place_move') }} as moves
    inner join {{ ref('int_place') }} as places on moves.place_key = places.place_key
    inner join {{ ref('int_current_day') }} as current_days
        on places.tree = current_days.tree and moves.effective_date <= current_days.current_day
),

-- The rows of a place that went on after it gave away a part are followed from before the change, and from after it.
periods as (
    select place_key, null::date as counts_from from {{ ref('int_place') }}
    union
    select place_key, effective_date from moves where place_key = to_place_key and not is_whole
),

ways as (
    select
        place_key, counts_from, lead(counts_from) over (partition by place_key order by counts_from nulls first) as counts_to,
        place_key as reached_place_key, counts_from as reached_date, {{ list_of(['place_key']) }} as way
    from periods
    union all
    select
        ways.place_key, ways.counts_from, ways.counts_to, moves.to_place_key, moves.effective_date,
        array_append(ways.way, moves.to_place_key)
    from ways
    inner join moves
        on ways.reached_place_key = moves.place_key
        and (ways.reached_date is null or ways.reached_date < moves.effective_date)
        and (moves.previous_date is null or moves.previous_date <= ways.reached_date)
),

int_place_successor as (
    select place_key, counts_from, counts_to, reached_place_key as successor_place_key, way
    from ways
    where not exists (
        select 1 from moves
        where moves.place_key = ways.reached_place_key
            and (ways.reached_date is null or ways.reached_date < moves.effective_date)
    )
)

select * from int_place_successor
