{% set keys = ['place_key', 'period_type', 'period_start', 'period_end', 'breakdown_type', 'breakdown_value'] %}

with cases as (
    select place_key, opened_date, category, kind, is_resolved, interval_status, resolution_days, observed_days, as_of_date
    from {{ ref('fct_case') }}
    where interval_status in ('valid', 'open')
),

grid as (
    select
        ancestor_place_key as place_key, period_type, period_start, period_end, breakdown_type, breakdown_value,
        observed_days as duration, is_resolved as is_event, resolution_days, as_of_date
    from {{ at_every_level(broken_down('cases', {'category': 'category', 'kind': 'kind'}), 'opened_date') }}
),

counted as (
    select
        {{ keys | join(', ') }},
        count(*) as case_count,
        count(*) filter (is_event) as event_count,
        max(as_of_date) as as_of_date,
        quantile_cont(resolution_days, 0.5) as naive_median
    from grid
    group by {{ keys | join(', ') }}
),

survival as (
    select * from {{ kaplan_meier('grid', keys) }}
),

quantiles as (
    select
        {{ keys | join(', ') }},
        {% for name, level in {'median': 0.5, 'p90': 0.1}.items() -%}
        {{ first_time_at_or_below('survival', level) }} as {{ name }},
        {{ first_time_at_or_below('survival_lower', level) }} as {{ name }}_lower,
        {{ first_time_at_or_below('survival_upper', level) }} as {{ name }}_upper{{ ',' if not loop.last }}
        {% endfor %}
    from survival
    group by {{ keys | join(', ') }}
),

-- Distribution-free interval of a median: the order statistics at n/2 ± z·√n/2 (Conover 1999, 3.2).
ranked as (
    select
        {{ keys | join(', ') }}, resolution_days,
        row_number() over (partition by {{ keys | join(', ') }} order by resolution_days) as position,
        count(*) over (partition by {{ keys | join(', ') }}) as resolved_count
    from grid
    where is_event
),

order_statistics as (
    select
        {{ keys | join(', ') }},
        min(resolution_days) filter (position = floor(resolved_count / 2 - {{ z_975() }} * sqrt(resolved_count) / 2)) as lower,
        min(resolution_days) filter (position = ceil(1 + resolved_count / 2 + {{ z_975() }} * sqrt(resolved_count) / 2)) as upper
    from ranked
    group by {{ keys | join(', ') }}
),

kpi_duration as (
    {% for metric, name in {'R05.median': 'median', 'R05.p90': 'p90'}.items() -%}
    select
        '{{ metric }}' as metric_code, {{ keys | join(', ') }}, event_count as numerator, case_count as denominator,
        {{ name }} as value, case_count as n, {{ name }}_lower as lower, {{ name }}_upper as upper,
        {{ name }} is null as is_not_reached, as_of_date
    from counted
    inner join quantiles using ({{ keys | join(', ') }})
    union all
    {% endfor -%}
    select
        'R06' as metric_code, {{ keys | join(', ') }}, event_count as numerator, event_count as denominator,
        naive_median as value, event_count as n, order_statistics.lower, order_statistics.upper,
        false as is_not_reached, as_of_date
    from counted
    left join order_statistics using ({{ keys | join(', ') }})
)

select * from kpi_duration
