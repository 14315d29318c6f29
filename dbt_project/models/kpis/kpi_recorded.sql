{{ config(materialized='view') }}

{%- set sums = [
    'kpi_additive', 'kpi_distinct', 'kpi_backlog', 'kpi_participant', 'kpi_volunteer', 'kpi_points', 'kpi_team',
    'kpi_fund_position',
    'kpi_match_cap', 'kpi_unit_cost', 'kpi_applicant',
] -%}
{%- set valued = ['kpi_duration', 'kpi_median', 'kpi_callback', 'kpi_difference', 'kpi_concentration'] %}
{%- set keys = ['metric_code', 'place_key', 'period_type', 'period_start', 'period_end', 'breakdown_type', 'breakdown_value'] -%}
{%- set of_sums = {
    'denominator': 'double', 'currency': 'varchar', 'n': 'double', 'sum_of_squares': 'double', 'is_left_censored': 'boolean'
} -%}
{%- set of_values = {
    'currency': 'varchar', 'numerator': 'double', 'denominator': 'double', 'lower': 'double', 'upper': 'double',
    'is_left_censored': 'boolean'
} %}

with summed as (
    {% for model in sums -%}
    select {{ keys | join(', ') }}, numerator, as_of_date, {{ of_sums | join(', ') }}
    from {{ with_optional(ref(model), keys + ['numerator', 'as_of_date'], of_sums) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

kpi_recorded as (
    select {{ keys | join(', ') }}, {{ of_values | join(', ') }}, value, n, is_not_reached, as_of_date
    from {{ metric_values('summed') }}
    {% for model in valued -%}
    union all
    select {{ keys | join(', ') }}, {{ of_values | join(', ') }}, value, n, is_not_reached, as_of_date
    from {{ with_optional(ref(model), keys + ['value', 'n', 'is_not_reached', 'as_of_date'], of_values) }}
    {% endfor %}
)

select * from kpi_recorded
