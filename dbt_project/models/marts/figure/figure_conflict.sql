with conflicts as (
    select * from {{ ref('golden_conflict') }}
),

recomputed as (
    select * from {{ ref('figure_recomputed') }}
),

figure_conflict as (
    select
        conflicts.golden_id,
        first_result.publication,
        first_result.title,
        first_result.status,
        first_result.figures,
        first_result.meaning as first_assertion,
        first_result.value as first_value,
        first_result.unit as first_unit,
        second_result.meaning as second_assertion,
        second_result.value as second_value,
        second_result.unit as second_unit,
        second_result.value - first_result.value as difference,
        conflicts.preferred,
        conflicts.handling,
        first_result.comment
    from conflicts
    inner join recomputed as first_result
        on conflicts.golden_id = first_result.golden_id and conflicts.first_result = first_result.result
    inner join recomputed as second_result
        on conflicts.golden_id = second_result.golden_id and conflicts.second_result = second_result.result
)

select * from figure_conflict
