-- P09, P11
-- depends_on: {{ ref('person') }} {{ ref('place_up') }} {{ ref('period') }}
with shift as (
    select participation.place_code as community, person.person_no, participation.participation_date as day
    from participation
    inner join person on participation.person = person.person
    where participation.state = '已登记' and participation.action = '服务'
),

cutoff as (
    select distinct period_type, period_start, period_end, least(period_end, date '2026-10-01') as cutoff from period
),

-- A person counts at the ends of the months within 90 days after the last shift before each.
active as (
    select place_up.place, ends.cutoff, count(distinct shift.person_no)::double as people
    from shift
    inner join (select distinct cutoff from cutoff) as ends on shift.day >= ends.cutoff - 90 and shift.day < ends.cutoff
    inner join place_up on shift.community = place_up.community
    group by all
),

in_month as (
    select distinct place_up.place, shift.person_no, date_trunc('month', shift.day)::date as month
    from (select distinct community, person_no, day from shift) as shift
    inner join place_up on shift.community = place_up.community
),

in_period as (
    select distinct in_month.place, in_month.person_no, period.period_type, period.period_start, period.period_end
    from in_month
    inner join period on in_month.month = period.month
    where period.period_type != 'all'
),

retained as (
    select
        before.place, before.period_type, before.period_end as period_start, count(*)::double as people,
        count(since.person_no)::double as retained
    from in_period as before
    left join in_period as since
        on before.place = since.place and before.person_no = since.person_no and before.period_type = since.period_type
        and before.period_end = since.period_start
    where before.period_end < date '2026-10-01'
    group by all
)

select 'P09' as metric_code, active.place, cutoff.period_type, cutoff.period_start, 'none' as breakdown_type,
    'total' as breakdown_value,
    active.people as numerator, null::double as denominator, active.people as "value"
from active
inner join cutoff on active.cutoff = cutoff.cutoff
union all
select 'P11', place, period_type, period_start, 'none', 'total', retained, people, retained / people from retained
