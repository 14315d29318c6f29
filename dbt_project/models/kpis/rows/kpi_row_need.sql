with answers as (
    select
        answers.*, surveys.opened_date, surveys.closed_date, questions.dimension, questions.topic
    from {{ ref('fct_answer') }} as answers
    inner join {{ ref('dim_survey') }} as surveys on answers.survey_key = surveys.survey_key
    inner join {{ ref('dim_question') }} as questions on answers.question_key = questions.question_key
    where questions.dimension in ('need', 'having') and questions.topic is not null
),

-- A topic counts where one source asks for both.
paired as (
    select *
    from answers
    qualify min(dimension) over (partition by source, topic) != max(dimension) over (partition by source, topic)
),

kpi_row_need as (
    select
        place_key, date_trunc('month', closed_date)::date as period_month, opened_date as wave_start, closed_date + 1 as wave_end,
        topic, null::string as currency,
        {% for dimension, name in {'need': 'wanting', 'having': 'having'}.items() -%}
        case when dimension = '{{ dimension }}' then is_satisfied::integer end as answers_{{ name }},
        case when dimension = '{{ dimension }}' then is_valid::integer end as answers_on_{{ dimension }},
        {% endfor -%}
        closed_date as as_of_date, source, file_id, row_no
    from paired
)

select * from kpi_row_need
