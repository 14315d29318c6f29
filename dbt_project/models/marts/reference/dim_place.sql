with versions as (
    select * from {{ ref('int_place_version') }}
),

paths as (
    select * from {{ ref('int_place_path') }}
),

current_days as (
    select * from {{ ref('int_current_day') }}
),

valid_paths as (
    select
        versions.* {{ without('valid_from, valid_to, counts_from, counts_to') }},
        paths.place_path,
        (cardinality(paths.place_line) - 1)::integer as place_depth,
        greatest(versions.valid_from, paths.counts_from) as valid_from,
        least(versions.valid_to, paths.counts_to) as valid_to
    from versions
    inner join paths
        on versions.place_version_key = paths.place_version_key
        and {{ overlap('versions.valid_from', 'versions.valid_to', 'paths.counts_from', 'paths.counts_to') }}
),

in_turn as (
    select
        *,
        case when lag(place_key) over by_start is not null then valid_from end as counts_from,
        lead(valid_from) over by_start as counts_to
    from valid_paths
    window by_start as (partition by place_key order by valid_from nulls first)
),

dim_place as (
    select
        in_turn.place_key || coalesce('@' || in_turn.valid_from, '') as place_version_key,
        in_turn.place_key,
        in_turn.tree,
        in_turn.place_code,
        in_turn.place_name,
        in_turn.place_name_en,
        in_turn.place_level,
        in_turn.parent_place_key,
        in_turn.place_path,
        in_turn.place_depth,
        in_turn.time_zone,
        in_turn.valid_from,
        in_turn.valid_to,
        in_turn.counts_from,
        in_turn.counts_to,
        {{ valid_on('in_turn.counts_from', 'in_turn.counts_to', "coalesce(current_days.current_day, date '9999-12-31')") }}
            as is_current,
        in_turn.source,
        in_turn.file_id,
        in_turn.row_no
    from in_turn
    left join current_days on in_turn.tree = current_days.tree
)

select * from dim_place
