with staged as (
    {{ union_staging('place_change', {
        'change_id': 'varchar', 'tree': 'varchar', 'old_place_code': 'varchar', 'new_place_code': 'varchar',
        'change_type': 'varchar', 'effective_date': 'date', 'document_no': 'varchar'
    }, optional={'old_place_name': 'varchar', 'new_place_name': 'varchar'}) }}
),

-- Both places are found like the place of any record: the old one as it was called on the day before, the new one on the day.
old_side as (
    select
        *, old_place_code as place_code, old_place_name as place_name, null::string as parent_place_name,
        effective_date - 1 as named_date
    from staged
),

new_side as (
    select
        * {{ without('place_key, place_match, place_code, place_name, named_date') }},
        place_key as old_place_key, place_match as old_place_match,
        new_place_code as place_code, new_place_name as place_name, effective_date as named_date
    from {{ resolved_places('old_side', 'named_date') }}
),

int_place_change as (
    select
        _source || ':' || change_id || ':' || coalesce(old_place_code, old_place_name) || '>'
            || coalesce(new_place_code, new_place_name) as place_change_key,
        change_id, tree, change_type,
        old_place_key, old_place_match, old_place_name,
        place_key as new_place_key, place_match as new_place_match, new_place_name,
        effective_date, document_no,
        _source as source, _file_id as file_id, _row_no as row_no
    from {{ resolved_places('new_side', 'named_date') }}
    qualify row_number() over (partition by place_change_key order by _file_as_of desc nulls last, _row_no desc) = 1
)

select * from int_place_change
