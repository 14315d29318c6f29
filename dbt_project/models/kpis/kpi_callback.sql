{% set keys = ['place_key', 'period_type', 'period_start', 'period_end', 'breakdown_type', 'breakdown_value'] %}

with rates as (
    select
        {{ keys | join(', ') }}, split_part(metric_code, '.', 2) as rate, denominator as base,
        numerator / nullif(denominator, 0) as value, as_of_date
    from {{ ref('kpi_additive') }}
    where metric_code in ('R13.response', 'R13.resolution', 'R13.satisfaction')
),

-- The weights in force on the last day of the period, or of what is known where the period is the whole time.
dated as (
    select
        {{ keys | join(', ') }}, max(as_of_date) as as_of_date,
        case period_type when 'all' then least(period_end - 1, max(as_of_date)) else period_end - 1 end as weighed_on
    from rates
    group by {{ keys | join(', ') }}
),

weighed as (
    select dated.*, weights.rate, weights.weight
    from dated
    left join {{ ref('callback_weight') }} as weights
        on {{ valid_on('weights.valid_from', 'weights.valid_to', 'dated.weighed_on') }}
),

summed as (
    select
        {{ keys | join(', ') }}, weighed.as_of_date,
        count(rates.value) = 3 as has_every_rate,
        sum((weighed.weight * rates.value)::decimal(38, 15))::double as weighted_rates,
        sum(weighed.weight::decimal(38, 15))::double as weights
    from weighed
    left join rates using ({{ (keys + ['rate']) | join(', ') }})
    group by {{ keys | join(', ') }}, weighed.as_of_date
),

reached as (
    select {{ keys | join(', ') }}, base from rates where rate = 'resolution'
),

kpi_callback as (
    select
        'R13.composite' as metric_code, {{ keys | join(', ') }},
        case when has_every_rate then weighted_rates end as numerator,
        case when has_every_rate then weights end as denominator,
        case when has_every_rate then weighted_rates / weights end as value,
        coalesce(reached.base, 0) as n, false as is_not_reached, as_of_date
    from summed
    left join reached using ({{ keys | join(', ') }})
)

select * from kpi_callback
