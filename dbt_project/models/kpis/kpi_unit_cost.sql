{% set keys = ['place_key', 'period_type', 'period_start', 'period_end', 'breakdown_type', 'breakdown_value'] %}

with sums as (
    select * from {{ components_side_by_side(['spent_amount', 'awarded_amount', 'attendances']) }}
    where breakdown_type = 'none'
),

attendances as (
    select * {{ without('currency') }} from sums where attendances > 0
),

spent_on_projects as (
    select * from {{ ref('fct_money') }} where kind = 'expenditure' and project_id is not null
),

kpi_unit_cost as (
    {% for metric, money in {'F06.attendance': 'spent_amount', 'F06.attendance_awarded': 'awarded_amount'}.items() -%}
    select
        '{{ metric }}' as metric_code, {{ keys | join(', ') }}, sums.currency, sums.{{ money }} as numerator,
        attendances.attendances as denominator, greatest(sums.as_of_date, attendances.as_of_date) as as_of_date
    from sums
    inner join attendances using ({{ keys | join(', ') }})
    where sums.{{ money }} is not null
    union all
    {% endfor -%}
    select
        'F06.project' as metric_code, ancestor_place_key as place_key, period_type, period_start, period_end,
        'none' as breakdown_type, 'total' as breakdown_value, currency, sum(amount)::double as numerator,
        count(distinct project_id) as denominator, max(as_of_date) as as_of_date
    from {{ at_every_level('spent_on_projects', 'money_date') }}
    group by all
)

select * from kpi_unit_cost
