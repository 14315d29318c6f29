{# The kind of every row is one of seeds/kind.csv for its record; NULL is unknown and passes. #}
{% test kind_is_known(model, column_name, record) %}
    select {{ column_name }}, count(*) as rows_of_that_kind
    from {{ model }}
    where {{ column_name }} is not null
        and {{ column_name }} not in (select kind from {{ ref('kind') }} where record = '{{ record }}')
    group by {{ column_name }}
{% endtest %}
