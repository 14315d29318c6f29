-- From the top down: what hangs on no top (a circle of parents) is in no row, and the tests of the keys name it.
with recursive versions as (
    select * from {{ ref('int_place_version') }}
),

paths as (
    select
        place_version_key, place_key, tree, place_name as place_path, {{ list_of(['place_key']) }} as place_line, counts_from, counts_to
    from versions
    where parent_place_key is null or parent_place_key not in (select place_key from versions)
    union all
    select
        versions.place_version_key, versions.place_key, versions.tree,
        paths.place_path || ' / ' || versions.place_name as place_path,
        array_append(paths.place_line, versions.place_key) as place_line,
        greatest(versions.counts_from, paths.counts_from) as counts_from,
        least(versions.counts_to, paths.counts_to) as counts_to
    from versions
    inner join paths
        on versions.parent_place_key = paths.place_key
        and {{ overlap('versions.counts_from', 'versions.counts_to', 'paths.counts_from', 'paths.counts_to') }}
),

int_place_path as (
    select * from paths
)

select * from int_place_path
