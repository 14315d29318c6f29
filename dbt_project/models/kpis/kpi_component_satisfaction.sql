{% set components = ['answers_valid', 'answers_satisfied', 'score_sum', 'score_sum_of_squares', 'index_sum',
    'index_sum_of_squares'] %}

with answers as (
    select
        fct_answer.*,
        dim_survey.opened_date,
        dim_survey.closed_date,
        100.0 * (fct_answer.answer_number - dim_question.scale_min)
            / (dim_question.scale_max - dim_question.scale_min)::double as index_number
    from {{ ref('fct_answer') }} as fct_answer
    inner join {{ ref('dim_survey') }} as dim_survey on fct_answer.survey_key = dim_survey.survey_key
    inner join {{ ref('dim_question') }} as dim_question on fct_answer.question_key = dim_question.question_key
    where dim_question.dimension = 'satisfaction'
),

summed as (
    select
        place_key, survey_key, opened_date, closed_date, date_trunc('month', closed_date)::date as period_month,
        breakdown_type, breakdown_value, null::varchar as currency,
        {{ component_sum('is_valid::integer') }} as answers_valid,
        {{ component_sum('is_satisfied::integer') }} as answers_satisfied,
        {{ component_sum('coalesce(answer_number, 0)') }} as score_sum,
        {{ component_sum('coalesce(answer_number * answer_number, 0)') }} as score_sum_of_squares,
        {{ component_sum('coalesce(index_number, 0)::decimal(38, 9)') }} as index_sum,
        {{ component_sum('coalesce(index_number * index_number, 0)::decimal(38, 9)') }} as index_sum_of_squares,
        closed_date as as_of_date
    from {{ broken_down('answers', {'question': 'question_key'}, has_total=false) }}
    group by all
),

kpi_component_satisfaction as (
    select * from {{ component_rows('summed', components) }}
)

select * from kpi_component_satisfaction
