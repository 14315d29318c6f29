-- R14.reach, R14.dwell
-- depends_on: {{ ref('matter_known') }} {{ ref('place_up') }} {{ ref('period') }}
with stay as (
    select
        event.case_no, event.state,
        date_diff('minute', event."at", lead(event."at") over (partition by event.case_no order by event."at",
            step.step)) as minutes
    from event
    inner join (values ('RAISED', 1), ('TRIAGED', 2), ('ASSIGNED', 6), ('ESCALATED', 7), ('RESOLVED', 8), ('REJECTED', 9),
        ('WITHDRAWN', 10))
        as step (state, step) on event.state = step.state
),

dwell as (
    select
        place_up.place, period.period_type, period.period_start, 'issue.' || lower(stay.state) as state,
            count(*)::double as stays,
        median(stay.minutes) as minutes
    from stay
    inner join matter_known as matter on stay.case_no = matter.case_no
    inner join place_up on matter.community = place_up.community
    inner join period on matter.month = period.month
    where stay.minutes is not null
    group by all
),

followed as (
    select community, month, count(*) as matters from matter_known group by all
),

reached as (
    select community, month, state, count(*) as matters
    from (select community, month, unnest(states) as state from matter_known)
    group by all
),

reached_at as (
    select place_up.place, period.period_type, period.period_start, reached.state, sum(reached.matters)::double as matters
    from reached
    inner join place_up on reached.community = place_up.community
    inner join period on reached.month = period.month
    group by all
),

followed_at as (
    select place_up.place, period.period_type, period.period_start, told.state, sum(followed.matters)::double as matters
    from followed
    inner join place_up on followed.community = place_up.community
    inner join period on followed.month = period.month
    cross join (select distinct state from reached) as told
    group by all
)

select 'R14.dwell' as metric_code, place, period_type, period_start, 'state' as breakdown_type, state as breakdown_value,
    stays as numerator,
    stays as denominator, minutes / 1440 as "value"
from dwell
union all
select
    'R14.reach', place, period_type, period_start, 'state', 'issue.' || lower(state), coalesce(reached_at.matters, 0),
        followed_at.matters,
    coalesce(reached_at.matters, 0) / followed_at.matters
from followed_at
left join reached_at using (place, period_type, period_start, state)
