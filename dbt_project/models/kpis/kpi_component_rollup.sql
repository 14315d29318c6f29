with components as (
    select * from {{ ref('kpi_component') }}
),

by_time as (
    select
        components.component,
        ancestors.ancestor_place_key as place_key,
        periods.period_type, periods.period_start, periods.period_end,
        components.breakdown_type, components.breakdown_value, components.currency,
        sum(components.amount) as amount,
        max(components.as_of_date) as as_of_date
    from components
    {{ join_ancestors('components', 'components.period_month') }}
    inner join {{ ref('int_period') }} as periods
        on ancestors.tree = periods.tree and components.period_month = periods.period_month
    group by all
),

-- Surveys of a tree that begin on one day are one wave, which lasts until the last of them ends.
wave_ends as (
    select ancestors.tree, components.wave_start, max(components.wave_end) as period_end
    from components
    {{ join_ancestors('components', 'components.wave_end - 1') }}
    where components.wave_start is not null
    group by ancestors.tree, components.wave_start
),

by_wave as (
    select
        components.component,
        ancestors.ancestor_place_key as place_key,
        'wave' as period_type, components.wave_start as period_start, wave_ends.period_end,
        components.breakdown_type, components.breakdown_value, components.currency,
        sum(components.amount) as amount,
        max(components.as_of_date) as as_of_date
    from components
    {{ join_ancestors('components', 'components.wave_end - 1') }}
    inner join wave_ends on ancestors.tree = wave_ends.tree and components.wave_start = wave_ends.wave_start
    group by all
),

kpi_component_rollup as (
    select * from by_time
    union all
    select * from by_wave
)

select * from kpi_component_rollup
