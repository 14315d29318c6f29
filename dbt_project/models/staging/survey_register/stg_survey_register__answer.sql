with delivered as (
    select * from {{ delivered_rows('survey_register') }}
),

answers as (
    select * from {{ long_answers('survey_register', 'delivered') }}
),

surveys as (
    select survey_id, _reject_reason from {{ ref('stg_survey_register__survey') }}
),

stg_survey_register__answer as (
    select
        {{ clean_text('survey_no') }} as survey_id,
        {{ clean_text('sheet_no') }} as respondent_id,
        {{ named_place() }},
        question_code,
        answer_text,
        answer_number,
        is_valid,
        is_satisfied,
        coalesce(
            surveys._reject_reason, {{ reject_reason([('is_unknown_answer', 'unknown_answer')]) }}
        ) as _reject_reason,
        {{ provenance() }}
    from answers
    inner join surveys on {{ clean_text('answers.survey_no') }} = surveys.survey_id
)

select * from stg_survey_register__answer
