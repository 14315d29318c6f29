with int_answer as (
    select * from {{ ref('int_answer') }}
),

fct_answer as (
    select
        answer_key,
        survey_key,
        question_key,
        respondent_key,
        place_key,
        answer_text,
        answer_number,
        is_valid,
        is_satisfied,
        source,
        file_id,
        row_no
    from int_answer
)

select * from fct_answer
