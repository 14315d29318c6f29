with delivered as (
    select * from {{ delivered_rows('bench_survey') }}
),

answers as (
    select * from {{ long_answers('bench_survey', 'delivered') }}
),

stg_bench_survey__answer as (
    select
        strftime(_file_as_of, '%Y-%m') as survey_id,
        {{ clean_text('response_no') }} as respondent_id,
        'qinghe_district' as tree,
        {{ clean_text('place_code') }} as place_code,
        null::varchar as place_name,
        null::varchar as parent_place_name,
        question_code,
        answer_text,
        answer_number,
        is_valid,
        is_satisfied,
        {{ reject_reason([('is_unknown_answer', 'unknown_answer')]) }} as _reject_reason,
        {{ provenance() }}
    from answers
)

select * from stg_bench_survey__answer
