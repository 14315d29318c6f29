-- On a scale of 0 to 100; of several scores of one subject by one evaluator in a round, the latest holds.
with scores as (
    select *, 100.0 * (score - scale_min)::double / (scale_max - scale_min)::double as index_number
    from {{ ref('fct_evaluation') }}
    where evaluator_type in ('self', 'third_party') and subject_key is not null and score is not null and scale_max > scale_min
    qualify row_number() over (
        partition by evaluator_type, kind, round, subject_key, dimension
        order by evaluated_date desc nulls last, evaluation_key desc
    ) = 1
),

paired as (
    select third.*, own.index_number - third.index_number as gap
    from scores as third
    inner join scores as own
        on third.kind = own.kind and third.subject_key = own.subject_key and third.round is not distinct from own.round
        and third.dimension is not distinct from own.dimension
    where third.evaluator_type = 'third_party' and own.evaluator_type = 'self'
),

kpi_row_self_assessment as (
    select
        place_key, date_trunc('month', evaluated_date)::date as period_month, null::string as currency,
        gap::decimal(38, 9) as self_assessment_gap,
        (gap * gap)::decimal(38, 9) as self_assessment_gap_squared,
        1 as subjects_assessed_twice,
        as_of_date, source, file_id, row_no
    from paired
)

select * from kpi_row_self_assessment
