with answers as (
    select
        answers.*, surveys.opened_date, surveys.closed_date,
        100.0 * (answers.answer_number - questions.scale_min) / (questions.scale_max - questions.scale_min)::double as index_number
    from {{ ref('fct_answer') }} as answers
    inner join {{ ref('dim_survey') }} as surveys on answers.survey_key = surveys.survey_key
    inner join {{ ref('dim_question') }} as questions on answers.question_key = questions.question_key
    where questions.dimension = 'satisfaction'
),

kpi_row_answer as (
    select
        place_key, date_trunc('month', closed_date)::date as period_month, opened_date as wave_start,
        closed_date + 1 as wave_end, question_key, null::string as currency,
        is_valid::integer as answers_valid,
        is_satisfied::integer as answers_satisfied,
        coalesce(answer_number, 0) as score_sum,
        coalesce(answer_number * answer_number, 0) as score_sum_of_squares,
        coalesce(index_number, 0)::decimal(38, 9) as index_sum,
        coalesce(index_number * index_number, 0)::decimal(38, 9) as index_sum_of_squares,
        closed_date as as_of_date, source, file_id, row_no
    from answers
)

select * from kpi_row_answer
