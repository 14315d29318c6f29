with staged as (
    {{ union_staging('place', {
        'tree': 'varchar', 'place_code': 'varchar', 'place_name': 'varchar', 'place_name_en': 'varchar',
        'place_level': 'varchar', 'process_code': 'varchar', 'parent_place_code': 'varchar', 'valid_from': 'date',
        'valid_to': 'date'
    }) }}
),

known as (
    select *, false as is_unknown_member
    from staged
    qualify row_number() over (
        partition by tree, place_code, valid_from order by _file_as_of desc nulls last, _source, _row_no
    ) = 1
),

-- Rule 4: what cannot be matched is counted, under a member of its own. It is valid as long as the top of its tree.
unknown_members as (
    select
        tree, 'unknown' as place_code, '未知' as place_name, 'Unknown' as place_name_en, 'unknown' as place_level,
        null::string as process_code, place_code as parent_place_code, valid_from, valid_to,
        {{ provenance() }}, true as is_unknown_member
    from known
    where parent_place_code is null
),

members as (
    select * from known
    union all
    select * from unknown_members
),

in_turn as (
    select
        *,
        lag(place_code) over by_start is null as is_first,
        lead(valid_from) over by_start as next_valid_from
    from members
    window by_start as (partition by tree, place_code order by valid_from nulls first)
),

int_place_version as (
    select
        tree || ':' || place_code || coalesce('@' || valid_from, '') as place_version_key,
        tree || ':' || place_code as place_key,
        tree,
        place_code,
        place_name,
        place_name_en,
        place_level,
        process_code,
        tree || ':' || parent_place_code as parent_place_key,
        _time_zone as time_zone,
        valid_from,
        coalesce(valid_to, next_valid_from) as valid_to,
        case when not is_first then valid_from end as counts_from,
        next_valid_from as counts_to,
        is_unknown_member,
        _source as source,
        _file_id as file_id,
        _row_no as row_no
    from in_turn
)

select * from int_place_version
