select component from {{ ref('kpi_people_component') }} group by component having not bool_or(is_count)
