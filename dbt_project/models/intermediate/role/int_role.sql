with staged as (
    {{ union_staging('role', dict(place_columns(), **{
        'role_id': 'varchar', 'kind': 'varchar', 'process_code': 'varchar', 'person_key': 'varchar',
        'organisation_id': 'varchar', 'post': 'varchar', 'grade': 'varchar', 'appointed_by': 'varchar',
        'valid_from': 'date', 'valid_to': 'date'
    })) }}
),

int_role as (
    select
        _source || ':' || role_id as role_key,
        place_key, place_match, place_name, parent_place_name,
        kind, process_code, person_key, person_key is null as is_vacant,
        tree || ':' || organisation_id as organisation_key,
        post, grade, appointed_by, valid_from, valid_to,
        {{ as_of_date(observed_until(instant_at("valid_from::timestamp", "_time_zone"))) }} as as_of_date,
        _source as source, _file_id as file_id, _row_no as row_no
    from {{ resolved_places('staged', 'valid_from') }}
)

select * from int_role
