with staged as (
    {{ union_staging('place', {
        'tree': 'varchar', 'place_code': 'varchar', 'place_name': 'varchar', 'place_name_en': 'varchar',
        'place_level': 'varchar', 'process_code': 'varchar', 'parent_place_code': 'varchar', 'valid_from': 'date', 'valid_to': 'date'
    }) }}
),

known as (
    select *, false as is_unknown_member
    from staged
    qualify row_number() over (partition by tree, place_code order by _file_as_of desc nulls last, _row_no) = 1
),

-- Rule 4: what cannot be matched is counted, under a member of its own.
unknown_members as (
    select
        tree, 'unknown' as place_code, '未知' as place_name, 'Unknown' as place_name_en, 'unknown' as place_level,
        null::varchar as process_code, place_code as parent_place_code, null::date as valid_from, null::date as valid_to,
        {{ provenance() }}, true as is_unknown_member
    from known
    where parent_place_code is null
),

members as (
    select * from known
    union all by name
    select * from unknown_members
),

int_place as (
    select
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
        valid_to,
        is_unknown_member,
        _source as source,
        _file_id as file_id,
        _row_no as row_no
    from members
)

select * from int_place
