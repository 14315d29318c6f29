with cells as (
    select * from {{ ref('kpi_cell') }}
),

parents as (
    select place_key, ancestor_place_key as parent_place_key from {{ ref('int_place_ancestor') }} where distance = 1
    union all
    select place_key, replace(place_key, ' (own)', '') as parent_place_key from cells where not is_shown
),

by_place as (
    select wholes.cell_no as whole_no, 'places' as relation, parts.cell_no as part_no
    from cells as parts
    inner join (select distinct place_key, parent_place_key from parents) as parents on parts.place_key = parents.place_key
    inner join cells as wholes
        on parents.parent_place_key = wholes.place_key
        {{ and_same(['component', 'period_type', 'period_start', 'breakdown_type', 'breakdown_value']) }}
),

in_time as (
    {% for shorter, longer in {'month': 'quarter', 'quarter': 'year'}.items() -%}
    select wholes.cell_no as whole_no, '{{ shorter }}s' as relation, parts.cell_no as part_no, parts.period_start, parts.is_stock
    from cells as parts
    inner join cells as wholes
        on parts.period_type = '{{ shorter }}' and wholes.period_type = '{{ longer }}'
        and wholes.period_start = date_trunc('{{ longer }}', parts.period_start)::date
        {{ and_same(['component', 'place_key', 'breakdown_type', 'breakdown_value']) }}
    union all
    {% endfor -%}
    select wholes.cell_no, 'years', parts.cell_no, parts.period_start, parts.is_stock
    from cells as parts
    inner join cells as wholes
        on parts.period_type = 'year' and wholes.period_type = 'all'
        {{ and_same(['component', 'place_key', 'breakdown_type', 'breakdown_value']) }}
    union all
    select wholes.cell_no, 'waves', parts.cell_no, parts.period_start, parts.is_stock
    from cells as parts
    inner join cells as wholes
        on parts.period_type = 'wave' and wholes.period_type = 'month'
        and wholes.period_start = date_trunc('month', parts.period_end - 1)::date
        {{ and_same(['component', 'place_key', 'breakdown_type', 'breakdown_value']) }}
),

-- What is counted at the end of a period is counted once more at the end of the longer one.
by_period as (
    select whole_no, relation, part_no
    from in_time
    qualify not is_stock or period_start = max(period_start) over (partition by whole_no, relation)
),

by_breakdown as (
    select wholes.cell_no as whole_no, parts.breakdown_type as relation, parts.cell_no as part_no
    from cells as parts
    inner join cells as wholes
        on parts.breakdown_type != 'none' and wholes.breakdown_type = 'none'
        {{ and_same(['component', 'place_key', 'period_type', 'period_start']) }}
),

kpi_cell_part as (
    select * from by_place
    union all
    select * from by_period
    union all
    select * from by_breakdown
)

select * from kpi_cell_part
