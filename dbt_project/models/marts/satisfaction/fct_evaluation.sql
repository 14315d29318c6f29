with int_evaluation as (
    select * from {{ ref('int_evaluation') }}
),

fct_evaluation as (
    select
        evaluation_key,
        place_key,
        kind,
        process_code,
        round,
        subject_type,
        subject_key,
        evaluator_type,
        dimension,
        score,
        scale_min,
        scale_max,
        grade,
        rank,
        is_passed,
        evaluated_date,
        as_of_date,
        source,
        file_id,
        row_no
    from int_evaluation
)

select * from fct_evaluation
