{# Several evaluations of one subject in a round: the latest holds. #}
with graded as (
    select *
    from {{ ref('fct_evaluation') }}
    where grade is not null
    qualify row_number() over (
        partition by coalesce(subject_key, evaluation_key), kind, round
        order by evaluated_date desc nulls last, evaluation_key desc
    ) = 1
),

grades as (
    select distinct places.tree, graded.grade
    from graded
    inner join {{ ref('int_place') }} as places on graded.place_key = places.place_key
),

kpi_row_grade as (
    select
        graded.place_key, date_trunc('month', graded.evaluated_date)::date as period_month, grades.grade,
        null::string as currency,
        (graded.grade = grades.grade)::integer as subjects_of_grade,
        1 as subjects_graded,
        graded.as_of_date, graded.source, graded.file_id, graded.row_no
    from graded
    inner join {{ ref('int_place') }} as places on graded.place_key = places.place_key
    inner join grades on places.tree = grades.tree
)

select * from kpi_row_grade
