{% set added_up = ['count', 'sum', 'ratio', 'proportion', 'mean', 'net_promoter', 'weighted_proportion'] %}

with roles as (
    {% for role in ['numerator', 'denominator', 'sum_of_squares', 'n'] -%}
    select metric_code, breakdowns, '{{ role }}' as role, {{ role }}_component as component
    from {{ ref('metric_catalogue') }}
    where {{ role }}_component is not null and statistic in ('{{ added_up | join("', '") }}')
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

kpi_additive as (
    select
        roles.metric_code,
        rollup_rows.place_key, rollup_rows.period_type, rollup_rows.period_start, rollup_rows.period_end,
        rollup_rows.breakdown_type, rollup_rows.breakdown_value, rollup_rows.currency,
        {% for role in ['numerator', 'denominator', 'sum_of_squares', 'n'] -%}
        sum(rollup_rows.amount) filter (roles.role = '{{ role }}')::double as {{ role }},
        {% endfor -%}
        max(rollup_rows.as_of_date) as as_of_date
    from {{ ref('kpi_component_rollup') }} as rollup_rows
    inner join roles
        on rollup_rows.component = roles.component
        and list_contains(string_split(roles.breakdowns, '|'), rollup_rows.breakdown_type)
    group by all
)

select * from kpi_additive
