with int_question as (
    select * from {{ ref('int_question') }}
),

dim_question as (
    select
        question_key,
        source,
        question_code,
        question_text,
        dimension,
        topic,
        scale_min,
        scale_max,
        satisfied_codes,
        is_headline
    from int_question
)

select * from dim_question
