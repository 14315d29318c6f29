with staged as (
    {{ union_staging('activity', dict(place_columns(), **{
        'activity_id': 'varchar', 'kind': 'varchar', 'process_code': 'varchar', 'activity_name': 'varchar',
        'activity_type': 'varchar', 'mode': 'varchar',
        'host_name': 'varchar', 'host_type': 'varchar', 'activity_date': 'date', 'started_at': 'timestamptz',
        'state': 'varchar', 'attendance_count': 'bigint'
    }), optional={
        'framework_element': 'varchar', 'is_resident_led': 'boolean', 'venue_capacity': 'bigint'
    }) }}
),

int_activity as (
    select
        _source || ':' || activity_id as activity_key,
        place_key, place_match, place_name, parent_place_name,
        kind, process_code, activity_name, activity_type, mode, host_name, host_type,
        framework_element, is_resident_led, venue_capacity,
        state, state = 'held' as is_held,
        attendance_count, activity_date, started_at,
        {{ as_of_date(observed_until(instant_at("(activity_date + 1)::timestamp", "_time_zone"), "_source")) }} as as_of_date,
        _source as source, _file_id as file_id, _row_no as row_no
    from {{ resolved_places('staged', 'activity_date') }}
)

select * from int_activity
