{{ config(materialized='view') }}

with referring as (
    {% for model in [
        'int_population', 'int_organisation', 'int_role', 'int_activity', 'int_participation', 'int_points', 'int_case',
        'int_vote', 'int_survey', 'int_answer', 'int_evaluation', 'int_money', 'int_figure'
    ] -%}
    select source, '{{ model | replace("int_", "") }}' as record, place_name, parent_place_name, place_match, file_id, row_no
    from {{ ref(model) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
    {% for side in ['old', 'new'] -%}
    union all
    select source, 'place_change' as record, {{ side }}_place_name as place_name, null as parent_place_name,
        {{ side }}_place_match as place_match, file_id, row_no
    from {{ ref('int_place_change') }}
    {% endfor %}
),

int_unplaced_row as (
    select source, record, parent_place_name, place_name, place_match, file_id, row_no
    from referring
    where place_match in ('unknown', 'parent')
)

select * from int_unplaced_row
