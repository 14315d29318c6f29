with published as (
    select 'internal' as audience, * from {{ ref('kpi_value') }}
    union all
    select 'public' as audience, * from {{ ref('kpi_value_public') }}
),

kpi_cell_shown as (
    select distinct published.audience, cells.cell_no
    from {{ ref('kpi_row_cell') }} as cells
    inner join published
        on cells.metric_code = published.metric_code and cells.place_key = published.place_key
        and cells.period_type = published.period_type and cells.period_start = published.period_start
        and cells.breakdown_type = published.breakdown_type and cells.breakdown_value = published.breakdown_value
    where cells.is_count and case cells.shown_in when 'numerator' then published.numerator when 'denominator' then published.denominator
        when 'n' then published.n
        else published.value end is not null
)

select * from kpi_cell_shown
