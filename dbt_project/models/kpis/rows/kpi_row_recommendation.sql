with answers as (
    select
        answers.*, surveys.opened_date, surveys.closed_date, questions.dimension, questions.topic
    from {{ ref('fct_answer') }} as answers
    inner join {{ ref('dim_survey') }} as surveys on answers.survey_key = surveys.survey_key
    inner join {{ ref('dim_question') }} as questions on answers.question_key = questions.question_key
    where questions.dimension = 'recommendation' and answers.is_valid
),

kpi_row_recommendation as (
    select
        place_key, date_trunc('month', closed_date)::date as period_month, opened_date as wave_start, closed_date + 1 as wave_end,
        question_key, null::string as currency,
        1 as recommendations_valid,
        (answer_number >= 9)::integer as promoters,
        (answer_number between 7 and 8)::integer as passives,
        (answer_number <= 6)::integer as detractors,
        (answer_number >= 9)::integer - (answer_number <= 6)::integer as promoters_less_detractors,
        (answer_number not between 7 and 8)::integer as promoters_and_detractors,
        closed_date as as_of_date, source, file_id, row_no
    from answers
)

select * from kpi_row_recommendation
