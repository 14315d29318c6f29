with int_activity as (
    select * from {{ ref('int_activity') }}
),

fct_activity as (
    select
        activity_key,
        place_key,
        kind,
        process_code,
        activity_name,
        activity_type,
        mode,
        host_name,
        host_type,
        state,
        is_held,
        attendance_count,
        activity_date,
        started_at,
        framework_element,
        is_resident_led,
        venue_capacity,
        as_of_date,
        source,
        file_id,
        row_no
    from int_activity
)

select * from fct_activity
