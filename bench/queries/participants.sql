-- One row per place, period and age band: how many people took part.
-- depends_on: {{ ref('person_month') }} {{ ref('person_period') }}
select
    place, period_type, period_start, age_band, count(*) as people,
        count(*) filter (first_date >= period_start) as first_timers,
    count(*) filter (occasions >= 2) as repeaters, count(*) filter (actions & 1 > 0) as attending,
    count(*) filter (actions & 2 > 0) as volunteering, count(*) filter (actions & 4 > 0) as deliberating
from (
    select place, 'month' as period_type, month as period_start, age_band, first_date, occasions, actions from person_month
    union all
    select place, period_type, period_start, age_band, first_date, occasions, actions from person_period
)
group by all
