{# What a row shows in each of its columns: the component that the catalogue names, or one of the metric's own. #}
{% set columns = {
    'numerator': "coalesce(numerator_component, metric_code || '.numerator')",
    'denominator': "case when denominator_component is not null or statistic not in ('count', 'sum', 'distinct', 'stock')
        then coalesce(denominator_component, metric_code || '.denominator') end",
    'n': "coalesce(n_component, case when statistic not in ('count', 'sum', 'distinct', 'stock', 'proportion', 'ratio', 'mean')
        then metric_code || '.n' end)",
} %}

with shown as (
    {% for column, component in columns.items() -%}
    select metric_code, statistic, '{{ column }}' as shown_in, {{ component }} as component
    from {{ ref('metric_catalogue') }}
    where counts_people
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

kpi_people_component as (
    select
        shown.metric_code,
        shown.statistic,
        shown.shown_in,
        case when discloses.component is null then shown.component else discloses.discloses end as component,
        coalesce(discloses.is_same_count, true) as is_count
    from shown
    left join {{ ref('component_discloses') }} as discloses on shown.component = discloses.component
    where shown.component is not null and (discloses.component is null or discloses.discloses is not null)
    union all
    select catalogue.metric_code, catalogue.statistic, 'value' as shown_in, discloses.component, true as is_count
    from {{ ref('value_discloses') }} as discloses
    inner join {{ ref('metric_catalogue') }} as catalogue on discloses.metric_code = catalogue.metric_code
)

select * from kpi_people_component
