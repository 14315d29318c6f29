with answers as (
    select
        answers.*, surveys.opened_date, surveys.closed_date, questions.dimension, questions.topic
    from {{ ref('fct_answer') }} as answers
    inner join {{ ref('dim_survey') }} as surveys on answers.survey_key = surveys.survey_key
    inner join {{ ref('dim_question') }} as questions on answers.question_key = questions.question_key
    where questions.dimension in ('awareness', 'acquaintance')
),

kpi_row_awareness as (
    select
        place_key, date_trunc('month', closed_date)::date as period_month, opened_date as wave_start, closed_date + 1 as wave_end,
        question_key, null::string as currency,
        {% for dimension, name in {'awareness': 'aware', 'acquaintance': 'acquainted'}.items() -%}
        case when dimension = '{{ dimension }}' then is_satisfied::integer end as answers_{{ name }},
        case when dimension = '{{ dimension }}' then is_valid::integer end as answers_on_{{ dimension }},
        {% endfor -%}
        closed_date as as_of_date, source, file_id, row_no
    from answers
)

select * from kpi_row_awareness
