with kpi_row_activity as (
    select
        place_key, date_trunc('month', activity_date)::date as period_month, activity_type, mode, host_type,
        null::varchar as currency,
        is_held::integer as activities_held,
        (is_held and attendance_count is not null)::integer as activities_with_attendance,
        case when is_held then coalesce(attendance_count, 0) else 0 end as attendances_known,
        as_of_date, source, file_id, row_no
    from {{ ref('fct_activity') }}
)

select * from kpi_row_activity
