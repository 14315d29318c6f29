with aged as (
    select * from {{ ref('kpi_row_backlog') }}
),

kpi_backlog as (
    select
        'R07' as metric_code, ancestors.ancestor_place_key as place_key, aged.period_type, aged.period_start, aged.period_end,
        'none' as breakdown_type, 'total' as breakdown_value,
        sum(aged.cases_standing) as numerator,
        max(aged.as_of_date) as as_of_date
    from aged
    {{ join_ancestors('aged', 'aged.last_day') }}
    group by all
    union all
    select
        'R07', ancestors.ancestor_place_key, aged.period_type, aged.period_start, aged.period_end,
        'age_band', bands.age_band,
        count(*) filter (where aged.age_band = bands.age_band),
        max(aged.as_of_date)
    from aged
    {{ join_ancestors('aged', 'aged.last_day') }}
    cross join (values ('0-7'), ('8-30'), ('31-90'), ('90+')) as bands (age_band)
    group by all
)

select * from kpi_backlog
