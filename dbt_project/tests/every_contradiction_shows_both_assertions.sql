with listed as (
    select golden_id from {{ ref('figure_conflict') }}
    where (first_value, first_unit) is distinct from (second_value, second_unit)
),

expected as (
    select golden_id from {{ ref('golden_figure') }}
    where status in ('conflict', 'unit_error', 'date_error')
        and exists (select 1 from {{ ref('fct_figure') }} where source = 'published_figures')
)

(select golden_id, 'missing' as fault from expected except select golden_id, 'missing' from listed)
union all
(select golden_id, 'not in conflict' from {{ ref('figure_conflict') }} except select golden_id, 'not in conflict' from expected)
