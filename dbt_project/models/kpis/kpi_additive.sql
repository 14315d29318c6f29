with kpi_additive as (
    select * from {{ metric_sums(ref('kpi_component_rollup')) }}
)

select * from kpi_additive
