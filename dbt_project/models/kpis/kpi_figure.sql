{% set keys = ['period_type', 'period_start', 'period_end'] %}

with figures as (
    select * from {{ at_every_level(ref('kpi_row_figure'), 'period_month') }}
),

kpi_figure as (
    select
        'V01' as metric_code, ancestor_place_key as place_key, {{ keys | join(', ') }}, 'none' as breakdown_type,
        'total' as breakdown_value, null as currency, sum(figures_agreeing)::double as numerator,
        sum(figures_comparable)::double as denominator, count(*) as n, max(as_of_date) as as_of_date
    from figures
    group by all
    union all
    select
        'V02' as metric_code, ancestor_place_key as place_key, {{ keys | join(', ') }}, 'none' as breakdown_type,
        'total' as breakdown_value, null as currency, sum(figures_conflicting)::double as numerator, null as denominator,
        count(*) as n, max(as_of_date) as as_of_date
    from {{ at_every_level(ref('kpi_row_figure_conflict'), 'period_month') }}
    group by all
    union all
    select
        'V03' as metric_code, ancestor_place_key as place_key, {{ keys | join(', ') }}, 'metric' as breakdown_type,
        metric as breakdown_value, currency, sum(recomputed_total::decimal(38, 6))::double as numerator, sum(reported_total::decimal(38, 6))::double as denominator,
        count(*) as n, max(as_of_date) as as_of_date
    from figures
    where reported_total is not null
    group by all
)

select * from kpi_figure
