with published as (
    select 'internal' as audience, * from {{ ref('kpi_value') }}
    union all
    select 'public' as audience, * from {{ ref('kpi_value_public') }}
),

kpi_cell_shown as (
    select distinct published.audience, cells.cell_no
    from {{ ref('kpi_cell') }} as cells
    inner join {{ ref('kpi_people_component') }} as components on cells.component = components.component and components.is_count
    inner join published
        on components.metric_code = published.metric_code and cells.place_key = published.place_key
        and cells.period_type = published.period_type and cells.period_start = published.period_start
        and cells.breakdown_type = published.breakdown_type and cells.breakdown_value = published.breakdown_value
        and cells.currency is not distinct from published.currency
    where case components.shown_in when 'numerator' then published.numerator when 'denominator' then published.denominator
        else published.n end is not null
)

select * from kpi_cell_shown
