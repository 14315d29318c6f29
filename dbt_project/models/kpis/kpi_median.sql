{% set keys = ['metric_code', 'place_key', 'period_type', 'period_start', 'period_end', 'breakdown_type', 'breakdown_value'] %}
{% set by_subject = {'category': 'category', 'kind': 'kind'} %}
{# metric → the row model, the column that the median is of, and its breakdowns #}
{% set medians = {
    'R06': ('kpi_row_case', 'resolution_days', by_subject),
    'R09.hours': ('kpi_row_case_service', 'response_hours', by_subject),
    'R14.dwell': ('kpi_row_case_stay', 'stay_days', {'state': 'state'}),
} %}

with observations as (
    {% for metric, (rows, column, breakdowns) in medians.items() -%}
    select
        '{{ metric }}' as metric_code, place_key, period_month, breakdown_type, breakdown_value,
        {{ column }} as amount, as_of_date
    from {{ broken_down(ref(rows), breakdowns) }}
    where {{ column }} is not null
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

shown as (
    select observations.*
    from observations
    inner join {{ ref('metric_catalogue') }} as catalogue
        on observations.metric_code = catalogue.metric_code
        and array_contains({{ parts_of('catalogue.breakdowns', '|') }}, observations.breakdown_type)
),

samples as (
    select
        metric_code, ancestor_place_key as place_key, period_type, period_start, period_end, breakdown_type, breakdown_value,
        array_sort(array_agg(amount)) as sample, max(as_of_date) as as_of_date
    from {{ at_every_level('shown', 'period_month') }}
    group by all
),

kpi_median as (
    select
        {{ keys | join(', ') }},
        cardinality(sample)::bigint as numerator, cardinality(sample)::bigint as denominator, {{ median('sample') }} as value,
        cardinality(sample)::bigint as n,
        {{ median_end('sample', -1) }} as lower, {{ median_end('sample', 1) }} as upper, false as is_not_reached, as_of_date
    from samples
)

select * from kpi_median
