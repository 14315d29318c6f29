{%- set topics = kpi_topics() %}

with
{%- for topic, is in topics.items() if is.components %}
{%- set wave = 'wave_start, wave_end' if is.is_wave else 'null::date as wave_start, null::date as wave_end' %}
{%- set rows = ref('kpi_row_' ~ topic) %}
{%- if is.breakdowns %}
{#- Sums by all breakdowns together: what is copied for each of them are few rows. #}
{%- set rows = 'together_' ~ topic %}
{{ rows }} as (
    select
        place_key, period_month, {{ wave }},
        {{ is.breakdowns.values() | join(', ') }}, currency,
        {% for component in is.components -%}
        {{ component_sum(component) }} as {{ component }},
        {% endfor -%}
        max(as_of_date) as as_of_date
    from {{ ref('kpi_row_' ~ topic) }}
    group by all
),
{%- set wave = 'wave_start, wave_end' %}
{%- endif %}

summed_{{ topic }} as (
    select
        place_key, period_month, {{ wave }},
        breakdown_type, breakdown_value, currency,
        {% for component in is.components -%}
        {{ component_sum(component) }} as {{ component }},
        {% endfor -%}
        max(as_of_date) as as_of_date
    from {{ broken_down(rows, is.breakdowns) }}
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
