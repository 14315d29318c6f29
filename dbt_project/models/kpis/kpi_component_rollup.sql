{% set series_keys = ['component', 'breakdown_type', 'breakdown_value', 'currency'] %}

with components as (
    select * from {{ ref('kpi_component') }}
),

-- What is added up is the same in all places and periods: numbers stand for it while rows are copied for each of these.
series as (
    select *, row_number() over (order by {{ series_keys | join(', ') }})::integer as series_no
    from (select distinct {{ series_keys | join(', ') }} from components) as found
),

spots as (
    select * from {{ numbered_spots('components') }}
),

summed as (
    select
        series.series_no, spots.spot_no, sum(components.amount) as amount, max(components.as_of_date) as as_of_date
    from components
    inner join series
        on {% for key in series_keys %}{{ "and " if not loop.first }}components.{{ key }} is not distinct from series.{{ key }}
        {% endfor %}
    inner join spots on components.place_key = spots.place_key and components.period_month = spots.period_month
    group by series.series_no, spots.spot_no
),

by_time as (
    select
        series.component, spots.place_key, spots.period_type, spots.period_start, spots.period_end,
        series.breakdown_type, series.breakdown_value, series.currency, summed.amount, summed.as_of_date
    from summed
    inner join series on summed.series_no = series.series_no
    inner join {{ places_and_periods('spots') }} as spots on summed.spot_no = spots.spot_no
),

-- Surveys of a tree that open on the same day are one wave: it lasts until the last of them closes.
waves as (
    select
        components.component, ancestors.ancestor_place_key as place_key, components.wave_start,
        max(components.wave_end) over (partition by ancestors.tree, components.wave_start) as wave_end,
        components.breakdown_type, components.breakdown_value, components.currency, components.amount, components.as_of_date
    from components
    {{ join_ancestors('components', 'components.wave_end - 1') }}
    where components.wave_start is not null
),

by_wave as (
    select
        component, place_key, 'wave' as period_type, wave_start as period_start, wave_end as period_end,
        breakdown_type, breakdown_value, currency,
        sum(amount) as amount,
        max(as_of_date) as as_of_date
    from waves
    group by all
),

kpi_component_rollup as (
    select * from by_time
    union all
    select * from by_wave
)

select * from kpi_component_rollup
