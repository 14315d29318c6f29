{# Validity is half-open: the first day is in it, `valid_to` is the first day that is not. NULL is open: since ever, for ever. #}

{% macro valid_on(valid_from, valid_to, day) -%}
    (({{ valid_from }} is null or {{ valid_from }} <= {{ day }}) and ({{ valid_to }} is null or {{ day }} < {{ valid_to }}))
{%- endmacro %}

{# Whether two validity periods have a day in common; it is greatest(from, from) to least(to, to): both pass over NULL. #}
{% macro overlap(from_1, to_1, from_2, to_2) -%}
    (
        ({{ from_1 }} is null or {{ to_2 }} is null or {{ from_1 }} < {{ to_2 }})
        and ({{ from_2 }} is null or {{ to_1 }} is null or {{ from_2 }} < {{ to_1 }})
    )
{%- endmacro %}
