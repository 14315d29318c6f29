with known as (
    select * from {{ volunteering_known() }}
),

kpi_volunteer as (
    select
        counted.metric_code, counted.place_key, counted.period_type, counted.period_start, counted.period_end,
        'none' as breakdown_type, 'total' as breakdown_value, counted.numerator, counted.denominator, known.as_of_date
    from {{ ref('kpi_volunteer_count') }} as counted
    inner join {{ ref('int_place') }} as places on counted.place_key = places.place_key
    inner join known on places.tree = known.tree
)

select * from kpi_volunteer
