{% set components = ['activities_held', 'activities_with_attendance', 'attendances'] %}

with activities as (
    select * from {{ ref('fct_activity') }}
),

summed as (
    select
        place_key, date_trunc('month', activity_date)::date as period_month, breakdown_type, breakdown_value,
        null::varchar as currency,
        {{ component_sum('is_held::integer') }} as activities_held,
        {{ component_sum('(is_held and attendance_count is not null)::integer') }} as activities_with_attendance,
        {{ component_sum('case when is_held then coalesce(attendance_count, 0) else 0 end') }} as attendances,
        max(as_of_date) as as_of_date
    from {{ broken_down('activities', {'activity_type': 'activity_type', 'mode': 'mode', 'host_type': 'host_type'}) }}
    group by all
),

kpi_component_participation as (
    select * from {{ component_rows('summed', components) }}
)

select * from kpi_component_participation
