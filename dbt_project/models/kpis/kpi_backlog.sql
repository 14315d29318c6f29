with aged as (
    select * from {{ ref('kpi_row_backlog') }}
),

-- A case has a row for every period that it was known in: they are counted before they are copied for every level.
at_own_place as (
    select
        place_key, period_type, period_start, period_end, period_end - 1 as last_day, age_band, sum(cases_standing) as cases_standing,
        max(as_of_date) as as_of_date
    from aged
    group by all
),

at_every_place as (
    select
        ancestors.ancestor_place_key as place_key, own.period_type, own.period_start, own.period_end, own.age_band,
        sum(own.cases_standing) as cases_standing, max(own.as_of_date) as as_of_date
    from at_own_place as own
    {{ join_ancestors('own', 'own.last_day') }}
    group by all
),

kpi_backlog as (
    select
        'R07' as metric_code, place_key, period_type, period_start, period_end, 'none' as breakdown_type, 'total' as breakdown_value,
        sum(cases_standing) as numerator, max(as_of_date) as as_of_date
    from at_every_place
    group by all
    union all
    select
        'R07', cases.place_key, cases.period_type, cases.period_start, cases.period_end, 'age_band', bands.age_band,
        coalesce(sum(cases.cases_standing) filter (where cases.age_band = bands.age_band), 0), max(cases.as_of_date)
    from at_every_place as cases
    cross join (values ('0-7'), ('8-30'), ('31-90'), ('90+')) as bands (age_band)
    group by all
)

select * from kpi_backlog
