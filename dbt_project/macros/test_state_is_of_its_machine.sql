{# The state of every row belongs to the state machine that seeds/kind.csv names for the row's kind. #}
{% test state_is_of_its_machine(model, column_name, record) %}
    select rows_with_state.kind, rows_with_state.{{ column_name }}, count(*) as rows_in_that_state
    from {{ model }} as rows_with_state
    left join {{ ref('kind') }} as kinds on kinds.record = '{{ record }}' and rows_with_state.kind = kinds.kind
    left join {{ ref('state_machine') }} as machines
        on kinds.machine = machines.machine and rows_with_state.{{ column_name }} = machines.state
    where machines.state is null
    group by rows_with_state.kind, rows_with_state.{{ column_name }}
{% endtest %}
