{%- set topics = kpi_topics() %}

with
{%- for topic, is in topics.items() if is.components %}
summed_{{ topic }} as (
    select
        place_key, period_month,
        {{ 'wave_start, wave_end' if is.is_wave else 'null::date as wave_start, null::date as wave_end' }},
        breakdown_type, breakdown_value, currency,
        {% for component in is.components -%}
        {{ component_sum(component) }} as {{ component }},
        {% endfor -%}
        max(as_of_date) as as_of_date
    from {{ broken_down(ref('kpi_row_' ~ topic), is.breakdowns) }}
    group by all
),
{% endfor %}
kpi_component as (
    {% for topic, is in topics.items() if is.components -%}
    select
        '{{ topic }}' as topic, component, place_key, period_month, wave_start, wave_end, breakdown_type, breakdown_value,
        currency,
        amount, as_of_date
    from {{ component_rows('summed_' ~ topic, is.components) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select * from kpi_component
