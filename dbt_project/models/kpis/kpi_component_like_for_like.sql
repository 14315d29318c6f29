with components as (
    select * from {{ ref('kpi_component') }} where breakdown_type = 'none'
),

kpi_component_like_for_like as (
    select
        components.component,
        ancestors.ancestor_place_key as place_key,
        periods.period_type, periods.period_start, periods.period_end,
        components.breakdown_type, components.breakdown_value, components.currency,
        sum(components.amount) as amount,
        max(components.as_of_date) as as_of_date
    from components
    inner join {{ ref('int_place_ancestor_today') }} as ancestors
        on components.place_key = ancestors.place_key
        and {{ valid_on('ancestors.counts_from', 'ancestors.counts_to', 'last_day(components.period_month)') }}
    inner join {{ ref('int_period') }} as periods
        on ancestors.tree = periods.tree and components.period_month = periods.period_month
    group by all
)

select * from kpi_component_like_for_like
