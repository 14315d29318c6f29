{% set row = ['place_key', 'period_type', 'period_start', 'breakdown_type', 'breakdown_value'] %}

with cells as (
    select * from {{ ref('kpi_cell') }} where is_shown
),

components as (
    select * from {{ ref('kpi_people_component') }}
),

of_the_row as (
    select components.metric_code, {% for column in row %}cells.{{ column }}, {% endfor %}
        components.shown_in, components.is_count, cells.cell_no
    from cells
    inner join components on cells.component = components.component
),

-- A change from one wave to the next gives away the wave before.
of_the_wave_before as (
    select components.metric_code, cells.place_key, cells.period_type, cells.next_start as period_start, cells.breakdown_type,
        cells.breakdown_value, 'value' as shown_in, false as is_count, cells.cell_no
    from (
        select *, lead(period_start) over (partition by component, place_key, breakdown_value order by period_start) as next_start
        from cells
        where period_type = 'wave'
    ) as cells
    inner join components on cells.component = components.component
    where components.metric_code = 'S08' and cells.next_start is not null
),

-- The spread between age bands is made of the rates of two of them.
of_the_bands as (
    select 'P19' as metric_code, place_key, period_type, period_start, 'none' as breakdown_type, 'total' as breakdown_value,
        'value' as shown_in, false as is_count, cell_no
    from cells
    where component = 'participants' and breakdown_type = 'age_band'
),

kpi_row_cell as (
    select * from of_the_row
    union
    select * from of_the_wave_before
    union
    select * from of_the_bands
)

select * from kpi_row_cell
