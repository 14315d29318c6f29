with hidden as (
    select * from {{ ref('kpi_cell') }} where exposed_count < {{ var('suppression_k') }}
),

kpi_value as (
    select * from {{ suppressed_rows('hidden') }}
)

select * from kpi_value
