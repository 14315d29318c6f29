{# The cases whose time from opening to resolution is known, or known to be longer than what has been seen: what R05 is made of.
   An expression for `from`. #}
{% macro cases_with_a_duration() -%}
    (
        select
            place_key, date_trunc('month', opened_date)::date as period_month, category, kind, observed_days as duration,
            is_resolved as is_event, as_of_date
        from {{ ref('fct_case') }}
        where interval_status in ('valid', 'open')
    )
{%- endmacro %}
