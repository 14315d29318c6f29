with teams as (
    select * from {{ ref('int_team') }}
),

periods as (
    select * from {{ periods_up_to('(select distinct tree, as_of_date from teams)') }}
),

alive as (
    select
        teams.place_key, periods.period_type, periods.period_start, periods.period_end, periods.as_of_date,
        periods.period_end - 1 as last_day
    from teams
    inner join periods
        on teams.tree = periods.tree and teams.founded_date <= periods.cutoff_date - 1
        and (teams.dissolved_date is null or teams.dissolved_date > periods.cutoff_date - 1)
),

kpi_team as (
    select
        'P20.alive' as metric_code, ancestors.ancestor_place_key as place_key,
        alive.period_type, alive.period_start, alive.period_end,
        'none' as breakdown_type, 'total' as breakdown_value,
        count(*) as numerator, max(alive.as_of_date) as as_of_date
    from alive
    {{ join_ancestors('alive', 'alive.last_day') }}
    group by all
)

select * from kpi_team
