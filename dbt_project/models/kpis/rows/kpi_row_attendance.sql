with attendance as (
    select * from {{ ref('int_activity_attendance') }}
),

present as (
    select * from {{ ref('fct_participation') }} as rows where {{ is_present('rows') }} and rows.action = 'attend'
),

signed_in as (
    select
        attendance.place_key, attendance.activity_date as attended_date, attendance.activity_type, attendance.mode,
        attendance.host_type, present.head_count as attendances, present.head_count as attendances_known,
        present.as_of_date, present.source, present.file_id, present.row_no
    from present
    inner join attendance
        on present.activity_key = attendance.activity_key
        and attendance.counted_by = case when present.is_person_level then 'persons' else 'groups' end
),

declared as (
    select
        attendance.place_key, attendance.activity_date as attended_date, attendance.activity_type, attendance.mode,
        attendance.host_type, attendance.attendance_count as attendances, attendance.attendance_count as attendances_known,
        activities.as_of_date, activities.source, activities.file_id, activities.row_no
    from attendance
    inner join {{ ref('fct_activity') }} as activities on attendance.activity_key = activities.activity_key
    where attendance.counted_by = 'declared'
),

-- Of an activity that nobody lists, only who came is known.
unlisted as (
    select
        place_key, participation_date as attended_date, null as activity_type, null as mode, null as host_type,
        head_count as attendances, null as attendances_known, as_of_date, source, file_id, row_no
    from present
    where activity_match != 'known'
),

kpi_row_attendance as (
    select
        place_key, date_trunc('month', attended_date)::date as period_month, activity_type, mode, host_type,
        null::string as currency, attendances, attendances_known, as_of_date, source, file_id, row_no
    from (select * from signed_in union all select * from declared union all select * from unlisted)
)

select * from kpi_row_attendance
