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
