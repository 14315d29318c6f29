-- P02, P08, P18
-- depends_on: {{ ref('place_up') }} {{ ref('period') }}
with base as (
    select
        place_code as community, date_trunc('month', participation_date)::date as month, count(*)::double as registered,
        count(*) filter (state in ('已签到', '已登记'))::double as attended, count(*) filter (state = '已登记')::double as recorded,
        count(*) filter (state in ('已签到', '已登记') and action = '参加')::double as attendances,
        sum(hours) filter (state = '已登记' and action = '服务' and hours > 0 and hours <= 24) as hours
    from participation
    group by all
),

total as (
    select
        place_up.place, period.period_type, period.period_start, sum(base.registered) as registered,
            sum(base.attended) as attended,
        sum(base.recorded) as recorded, nullif(sum(base.attendances), 0) as attendances, sum(base.hours)::double as hours
    from base
    inner join place_up on base.community = place_up.community
    inner join period on base.month = period.month
    group by all
)

select 'P02' as metric_code, place, period_type, period_start, 'none' as breakdown_type, 'total' as breakdown_value,
    attendances as numerator, null::double as denominator, attendances as "value"
from total where attendances is not null
union all
select 'P02', place, period_type, period_start, 'activity_type', 'unknown', attendances, null, attendances from total
where attendances is not null
union all
select 'P08', place, period_type, period_start, 'none', 'total', hours, null, hours from total where hours is not null
union all
select 'P18', place, period_type, period_start, 'stage', 'registered', registered, registered, 1 from total
union all
select 'P18', place, period_type, period_start, 'stage', 'attended', attended, registered, attended / registered from total
union all
select 'P18', place, period_type, period_start, 'stage', 'recorded', recorded, attended, recorded / attended from total
    where attended > 0
