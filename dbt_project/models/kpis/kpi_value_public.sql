with kpi_value_public as (
    select * from {{ suppressed_rows('public') }}
)

select * from kpi_value_public
