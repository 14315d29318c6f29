with changes as (
    select * from {{ ref('int_place_change') }} where old_place_match != 'unknown' and new_place_match != 'unknown'
),

versions as (
    select * from {{ ref('int_place_version') }}
),

-- Who gives away a part and lives on keeps the other part, whether or not the register of changes says so.
shares as (
    select old_place_key as place_key, new_place_key as to_place_key, effective_date from changes
    union
    select changes.old_place_key, changes.old_place_key, changes.effective_date
    from changes
    inner join versions
        on changes.old_place_key = versions.place_key
        and {{ valid_on('versions.valid_from', 'versions.valid_to', 'changes.effective_date') }}
    where changes.change_type in ('split', 'transfer')
),

int_place_move as (
    select
        place_key, to_place_key, effective_date,
        count(*) over (partition by place_key, effective_date) = 1 as is_whole,
        max(effective_date) over days_before as previous_date
    from shares
    window days_before as (
        partition by place_key order by effective_date
        range between unbounded preceding and interval 1 day preceding
    )
)

select * from int_place_move
