with kpi_value as (
    select * from {{ suppressed_rows('internal') }}
)

select * from kpi_value
