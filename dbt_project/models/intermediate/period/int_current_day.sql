with int_current_day as (
    select tree, max(period_end) - 1 as current_day
    from {{ ref('int_period') }}
    where period_type = 'month'
    group by tree
)

select * from int_current_day
