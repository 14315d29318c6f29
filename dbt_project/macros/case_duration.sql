{# The cases whose time from opening to resolution is known, or known to be longer than what has been seen: what R05 is made of.
   An expression for `from`; see at_every_level for what is added to the columns of fct_case. #}
{% macro cases_with_a_duration() -%}
    (
        select place_key, opened_date, category, kind, is_resolved, observed_days, as_of_date
        from {{ ref('fct_case') }}
        where interval_status in ('valid', 'open')
    )
{%- endmacro %}
