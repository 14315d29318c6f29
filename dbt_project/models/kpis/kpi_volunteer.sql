{% set by = 'place_key, period_type, period_start, period_end' %}

with shifts as (
    select rows.*, places.tree
    from {{ ref('fct_participation') }} as rows
    inner join {{ ref('int_place') }} as places on rows.place_key = places.place_key
    where {{ is_volunteering('rows') }}
),

known as (
    select tree, max(as_of_date) as as_of_date from shifts group by tree
),

periods as (
    select * from {{ periods_up_to('known') }}
),

ends as (
    select distinct tree, cutoff_date from periods
),

shift_days as (
    select distinct shifts.tree, ancestors.ancestor_place_key as place_key, shifts.person_key, shifts.participation_date
    from shifts
    {{ join_ancestors('shifts', 'shifts.participation_date') }}
),

active as (
    select distinct shift_days.tree, ends.cutoff_date, shift_days.place_key, shift_days.person_key
    from shift_days
    inner join ends
        on shift_days.tree = ends.tree and shift_days.participation_date >= ends.cutoff_date - 90
        and shift_days.participation_date < ends.cutoff_date
),

active_counts as (
    select tree, cutoff_date, place_key, count(*) as volunteer_count from active group by all
),

-- On the books on the last day of the period; wherever in the tree the person is active.
registered as (
    select roles.place_key, roles.person_key, ends.tree, ends.cutoff_date, ends.cutoff_date - 1 as last_day
    from {{ ref('fct_role') }} as roles
    inner join {{ ref('int_place') }} as places on roles.place_key = places.place_key
    inner join ends
        on places.tree = ends.tree and {{ valid_on('roles.valid_from', 'roles.valid_to', 'ends.cutoff_date - 1') }}
    where roles.kind = 'volunteer' and roles.person_key is not null
),

registered_at_levels as (
    select distinct registered.tree, registered.cutoff_date, ancestors.ancestor_place_key as place_key, registered.person_key
    from registered
    {{ join_ancestors('registered', 'registered.last_day') }}
),

activation as (
    select
        registered.tree, registered.cutoff_date, registered.place_key,
        count(*) as registered_count, count(active.person_key) as active_count
    from registered_at_levels as registered
    left join (select distinct tree, cutoff_date, person_key from active) as active
        using (tree, cutoff_date, person_key)
    group by all
),

in_period as (
    select distinct tree, ancestor_place_key as place_key, period_type, period_start, period_end, person_key
    from {{ at_every_level('shifts', 'participation_date') }}
    where period_type in ('month', 'quarter', 'year')
),

retention as (
    select
        before.place_key, periods.period_type, periods.period_start, periods.period_end,
        count(*) as before_count, count(since.person_key) as retained_count, max(periods.as_of_date) as as_of_date
    from in_period as before
    inner join periods
        on before.tree = periods.tree and before.period_type = periods.period_type and before.period_end = periods.period_start
    left join in_period as since
        on before.place_key = since.place_key and before.person_key = since.person_key
        and periods.period_type = since.period_type and periods.period_start = since.period_start
    group by all
),

kpi_volunteer as (
    select
        'P09' as metric_code, {{ by }}, 'none' as breakdown_type, 'total' as breakdown_value,
        volunteer_count as numerator, null::bigint as denominator, as_of_date
    from periods
    inner join active_counts using (tree, cutoff_date)
    union all
    select 'P10', {{ by }}, 'none', 'total', active_count, registered_count, as_of_date
    from periods
    inner join activation using (tree, cutoff_date)
    union all
    select 'P11', {{ by }}, 'none', 'total', retained_count, before_count, as_of_date
    from retention
)

select * from kpi_volunteer
