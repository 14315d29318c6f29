with deliberations as (
    select kind from {{ ref('kind') }} where record = 'activity' and is_deliberation
),

kpi_row_activity as (
    select
        activities.place_key, date_trunc('month', activities.activity_date)::date as period_month,
        activities.activity_type, activities.mode, activities.host_type, activities.framework_element,
        null::string as currency,
        activities.is_held::integer as activities_held,
        (attendance.attendance_count is not null)::integer as activities_with_attendance,
        attendance.declared_difference as attendance_difference,
        case when attendance.declared_difference is not null then 1 end as activities_counted_twice,
        attendance.is_outlier::integer as attendance_outliers,
        case when activities.is_held and deliberations.kind is not null then 1 end as deliberation_sessions,
        case when activities.is_held then activities.is_resident_led::integer end as activities_resident_led,
        case when activities.is_held and activities.is_resident_led is not null then 1 end as activities_with_known_leader,
        activities.as_of_date, activities.source, activities.file_id, activities.row_no
    from {{ ref('fct_activity') }} as activities
    left join {{ ref('int_activity_attendance') }} as attendance on activities.activity_key = attendance.activity_key
    left join deliberations on activities.kind = deliberations.kind
)

select * from kpi_row_activity
