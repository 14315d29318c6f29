with cells as (
    select * from {{ ref('kpi_cell') }}
),

parents as (
    select place_key, ancestor_place_key as parent_place_key, counts_from, counts_to
    from {{ ref('int_place_ancestor') }}
    where distance = 1
    union all
    select distinct place_key, replace(place_key, ' (own)', '') as parent_place_key, null::date as counts_from, null::date as counts_to
    from cells
    where ends_with(place_key, ' (own)')
),

-- What adds up over months is added up the place tree as it is in the month: longer periods follow from months.
by_place as (
    select wholes.cell_no as whole_no, 'places' as relation, parts.cell_no as part_no
    from cells as parts
    inner join parents
        on parts.place_key = parents.place_key
        and {{ valid_on('parents.counts_from', 'parents.counts_to', 'last_day(parts.period_end - 1)') }}
    inner join cells as wholes
        on parents.parent_place_key = wholes.place_key
        {{ and_same(['component', 'period_type', 'period_start', 'breakdown_type', 'breakdown_value']) }}
    where parts.period_type in ('month', 'wave') or not parts.is_additive
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

by_component as (
    select distinct wholes.cell_no as whole_no, parts.relation, members.cell_no as part_no
    from cells as wholes
    inner join {{ ref('count_part') }} as parts
        on wholes.component = parts.whole_component
        and (parts.whole_member is null or wholes.breakdown_value = parts.whole_member)
    inner join cells as members
        on wholes.place_key = members.place_key and wholes.breakdown_type = members.breakdown_type
        and wholes.period_type = members.period_type and wholes.period_start = members.period_start
        and wholes.period_end = members.period_end
        and (
            parts.part_component = members.component
            and coalesce(parts.part_member, wholes.breakdown_value) = members.breakdown_value
            or parts.relation || ' (rest)' = members.component and wholes.breakdown_value = members.breakdown_value
        )
),

parts as (
    select * from by_place
    union all
    select * from by_period
    union all
    select * from by_breakdown
    union all
    select * from by_component
),

sums as (
    select
        parts.whole_no, parts.relation, any_value(wholes.component) as component, any_value(wholes.amount) as amount,
        sum(members.amount) as sum_of_parts, max(members.amount) as largest_part
    from parts
    inner join cells as wholes on parts.whole_no = wholes.cell_no
    inner join cells as members on parts.part_no = members.cell_no
    group by parts.whole_no, parts.relation
),

judged as (
    select *, bool_and(amount = sum_of_parts) over (partition by component, relation) as is_exact from sums
),

-- Distinct people do not add up: the whole is at most the sum and at least each part. Where a place moved within the period not
-- even that holds, and nothing follows.
kpi_cell_part as (
    select parts.whole_no, parts.relation, parts.part_no, judged.is_exact
    from parts
    inner join judged on parts.whole_no = judged.whole_no and parts.relation = judged.relation
    where judged.is_exact or judged.amount between judged.largest_part and judged.sum_of_parts
)

select * from kpi_cell_part
