{% set keys = ['place_key', 'period_type', 'period_start', 'period_end', 'breakdown_type', 'breakdown_value'] %}

with cases as (
    select * from {{ cases_with_a_duration() }}
),

grid as (
    select
        ancestor_place_key as place_key, period_type, period_start, period_end, breakdown_type, breakdown_value,
        observed_days as duration, is_resolved as is_event, as_of_date
    from {{ at_every_level(broken_down('cases', {'category': 'category', 'kind': 'kind'}), 'opened_date') }}
),

counted as (
    select
        {{ keys | join(', ') }},
        count(*) as case_count,
        count(*) filter (where is_event) as event_count,
        max(as_of_date) as as_of_date
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

kpi_duration as (
    {% for metric, name in {'R05.median': 'median', 'R05.p90': 'p90'}.items() -%}
    select
        '{{ metric }}' as metric_code, {{ keys | join(', ') }}, event_count as numerator, case_count as denominator,
        {{ name }} as value, case_count as n, {{ name }}_lower as lower, {{ name }}_upper as upper,
        {{ name }} is null as is_not_reached, as_of_date
    from counted
    inner join quantiles using ({{ keys | join(', ') }})
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select * from kpi_duration
