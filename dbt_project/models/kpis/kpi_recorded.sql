{{ config(materialized='view') }}

{%- set sums = [
    'kpi_additive', 'kpi_distinct', 'kpi_backlog', 'kpi_participant', 'kpi_volunteer', 'kpi_points', 'kpi_team',
    'kpi_fund_position',
    'kpi_match_cap', 'kpi_unit_cost', 'kpi_applicant',
] -%}
{%- set valued = ['kpi_duration', 'kpi_median', 'kpi_callback', 'kpi_difference', 'kpi_concentration'] %}

with summed as (
    {% for model in sums -%}
    select * from {{ ref(model) }}
    {% if not loop.last %}union all by name{% endif %}
    {% endfor %}
),

kpi_recorded as (
    select * from {{ metric_values('summed') }}
    {% for model in valued -%}
    union all by name
    select * from {{ ref(model) }}
    {% endfor %}
)

select * from kpi_recorded
