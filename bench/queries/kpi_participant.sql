-- P03, P04.pop, P06, P07, P19
-- depends_on: {{ ref('participants') }} {{ ref('inhabitants') }}
with total as (
    select
        place, period_type, period_start, sum(people)::double as people, sum(first_timers)::double as first_timers,
        sum(repeaters)::double as repeaters, sum(attending)::double as attending, sum(volunteering)::double as volunteering,
        sum(deliberating)::double as deliberating
    from participants
    group by all
),

banded as (
    select
        total.place, total.period_type, total.period_start, inhabitants.age_band, coalesce(participants.people,
            0)::double as people,
        inhabitants.people as population
    from total
    inner join inhabitants on total.place = inhabitants.place and inhabitants.age_band != 'total'
    left join participants
        on total.place = participants.place and total.period_type = participants.period_type
        and total.period_start = participants.period_start and inhabitants.age_band = participants.age_band
),

spread as (
    select place, period_type, period_start, min(people / population) as lowest, max(people / population) as highest
    from banded
    group by all
)

select 'P03' as metric_code, place, period_type, period_start, 'none' as breakdown_type, 'total' as breakdown_value,
    people as numerator,
    null::double as denominator, people as "value"
from total
union all
select 'P03', place, period_type, period_start, 'age_band', age_band, people, null, people from participants
union all
select 'P03', place, period_type, period_start, 'action', action, people, null, people
from (unpivot (select place, period_type, period_start, attending as attend, volunteering as volunteer,
    deliberating as deliberate from total)
    on attend, volunteer, deliberate into name action value people)
where people > 0
union all
select 'P04.pop', place, period_type, period_start, 'none', 'total', total.people, inhabitants.people,
    total.people / inhabitants.people
from total
inner join inhabitants using (place)
where inhabitants.age_band = 'total'
union all
select 'P04.pop', place, period_type, period_start, 'age_band', age_band, people, population, people / population from banded
union all
select 'P06', place, period_type, period_start, 'none', 'total', first_timers, people, first_timers / people from total
union all
select 'P07', place, period_type, period_start, 'none', 'total', repeaters, people, repeaters / people from total
union all
select 'P19', place, period_type, period_start, 'none', 'total', lowest, highest, lowest / nullif(highest, 0) from spread
