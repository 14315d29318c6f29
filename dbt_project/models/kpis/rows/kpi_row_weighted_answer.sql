with answers as (
    select answers.*, surveys.opened_date, surveys.closed_date, weights.weight
    from {{ ref('fct_answer') }} as answers
    inner join {{ ref('dim_survey') }} as surveys on answers.survey_key = surveys.survey_key
    inner join {{ ref('dim_question') }} as questions on answers.question_key = questions.question_key
    inner join {{ ref('int_respondent_weight') }} as weights on answers.respondent_key = weights.respondent_key
    where questions.dimension = 'satisfaction' and answers.is_valid
),

kpi_row_weighted_answer as (
    select
        place_key, date_trunc('month', closed_date)::date as period_month, opened_date as wave_start, closed_date + 1 as wave_end,
        question_key, null::string as currency,
        case when is_satisfied then weight else 0 end as weight_satisfied,
        weight as weight_valid,
        (weight * weight)::decimal(38, 9) as weight_squared,
        closed_date as as_of_date, source, file_id, row_no
    from answers
)

select * from kpi_row_weighted_answer
