{# Made again by periods: what each of them reads of these models says macros/volunteering.sql. #}
{{ config(meta={'parts': {
    'are': "period_type || ' ' || period_start",
    'models': ['int_participation_known', 'int_period', 'int_person', 'int_person_month'],
}}) }}
{% set by = 'place_key, period_type, period_start, period_end' %}

with periods as (
    select * from {{ volunteering_periods() }} where {{ is_in_a_touched_part("period_type || ' ' || period_start") }}
),

months_read as (
    select * from {{ months_of_volunteering('periods') }}
),

shifts as (
    select months.*, places.tree
    from {{ ref('int_person_month') }} as months
    inner join {{ ref('int_place') }} as places on months.place_number = places.place_number
    inner join (select distinct tree, period_month from months_read) as those
        on places.tree = those.tree and months.period_month = those.period_month
    where months.first_shift_date is not null
),

windows as (
    select distinct tree, cutoff_date, period_month from months_read where is_within_90_days
),

at_every_place as (
    select
        shifts.person_number, ancestors.ancestor_place_number as place_number, shifts.tree, shifts.period_month,
        min(shifts.first_shift_date) as first_shift_date, max(shifts.last_shift_date) as last_shift_date
    from shifts
    inner join {{ ref('int_place_ancestor') }} as ancestors
        on shifts.place_number = ancestors.place_number
        and {{ valid_on('ancestors.counts_from', 'ancestors.counts_to', 'last_day(shifts.period_month)') }}
    group by all
),

active_counts as (
    select windows.tree, windows.cutoff_date, shifts.place_number, count(distinct shifts.person_number) as volunteer_count
    from at_every_place as shifts
    inner join windows
        on shifts.tree = windows.tree and shifts.period_month = windows.period_month
        and shifts.last_shift_date >= windows.cutoff_date - 90 and shifts.first_shift_date < windows.cutoff_date
    group by windows.tree, windows.cutoff_date, shifts.place_number
),

-- On the books on the last day of the period; wherever in the tree the person is active.
registered as (
    select roles.place_key, roles.person_key, ends.tree, ends.cutoff_date, ends.last_day
    from {{ ref('fct_role') }} as roles
    inner join {{ ref('int_place') }} as places on roles.place_key = places.place_key
    inner join (select distinct tree, cutoff_date, period_end - 1 as last_day from periods) as ends
        on places.tree = ends.tree and {{ valid_on('roles.valid_from', 'roles.valid_to', 'ends.cutoff_date - 1') }}
    where roles.kind = 'volunteer' and roles.person_key is not null
),

registered_at_levels as (
    select distinct
        registered.tree, registered.cutoff_date, registered.last_day, ancestors.ancestor_place_key as place_key, registered.person_key
    from registered
    {{ join_ancestors('registered', 'registered.last_day') }}
),

active as (
    select distinct windows.tree, windows.cutoff_date, people.person_key
    from shifts
    inner join {{ ref('int_person') }} as people on shifts.person_number = people.person_number
    inner join (select distinct tree, person_key from registered) as on_the_books
        on people.tree = on_the_books.tree and people.person_key = on_the_books.person_key
    inner join windows
        on shifts.tree = windows.tree and shifts.period_month = windows.period_month
        and shifts.last_shift_date >= windows.cutoff_date - 90 and shifts.first_shift_date < windows.cutoff_date
),

activation as (
    select
        registered.tree, registered.cutoff_date, registered.last_day, registered.place_key,
        count(*) as registered_count, count(active.person_key) as active_count
    from registered_at_levels as registered
    left join active using (tree, cutoff_date, person_key)
    group by all
),

-- Each length of period is made of the one before, which has fewer rows.
{% for type, shorter in {'month': 'at_every_place', 'quarter': 'in_month', 'year': 'in_quarter'}.items() -%}
in_{{ type }} as (
    select distinct
        tree, place_number, person_number,
        date_trunc('{{ type }}', {{ 'period_month' if type == 'month' else 'period_start' }})::date as period_start
    from {{ shorter }}
),

{% endfor -%}
successions as (
    select periods.*, earlier.period_start as earlier_start
    from periods
    inner join (select distinct tree, period_type, period_start, period_end from {{ ref('int_period') }}) as earlier
        on periods.tree = earlier.tree and periods.period_type = earlier.period_type and periods.period_start = earlier.period_end
),

retention as (
    {% for type in ['month', 'quarter', 'year'] -%}
    select
        before.place_number, successions.period_type, successions.period_start, successions.period_end,
        count(*) as before_count, count(since.person_number) as retained_count
    from in_{{ type }} as before
    inner join successions
        on before.tree = successions.tree and successions.period_type = '{{ type }}'
        and before.period_start = successions.earlier_start
    left join in_{{ type }} as since
        on before.place_number = since.place_number and before.person_number = since.person_number
        and successions.period_start = since.period_start
    group by all
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

places as (
    select place_key, place_number from {{ ref('int_place') }}
),

kpi_volunteer_count as (
    select
        'P09' as metric_code, {{ by }}, volunteer_count as numerator, null::bigint as denominator
    from periods
    inner join active_counts using (tree, cutoff_date)
    inner join places using (place_number)
    union all
    select 'P10', {{ by }}, active_count, registered_count
    from periods
    inner join activation
        on periods.tree = activation.tree and periods.cutoff_date = activation.cutoff_date
        and periods.period_end - 1 = activation.last_day
    union all
    select 'P11', {{ by }}, retained_count, before_count
    from retention
    inner join places using (place_number)
)

select * from kpi_volunteer_count
