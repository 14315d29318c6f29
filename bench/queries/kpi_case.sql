-- R01, R02, R03, R04, R06.invalid_interval, R06.missing_end, R08, R10, R11, R12
-- depends_on: {{ ref('matter_known') }} {{ ref('place_up') }} {{ ref('period') }}
with base as (
    select
        community, month, category, kind, count(*) as raised,
        count(*) filter (outcome = 'resolved') as resolved, count(*) filter (outcome = 'rejected') as rejected,
        count(*) filter (outcome = 'withdrawn') as withdrawn, count(*) filter (outcome = 'open') as still_open,
        count(*) filter (outcome = 'resolved' and ended_date <= due_date) as on_time,
        count(*) filter (outcome = 'resolved' or (outcome = 'open' and due_date < date '2026-09-30')) as past_target,
        count(*) filter (is_escalated) as escalated,
        count(*) filter (outcome = 'resolved' and not is_escalated) as resolved_in_community,
            count(*) filter (is_repeated) as repeated,
        0 as ended, 0 as watched
    from matter_known
    group by all
    union all by name
    select community, date_trunc('month', ended_date)::date as month, category, kind, count(*) as ended
    from matter_known
    where outcome = 'resolved'
    group by all
    union all by name
    select community, date_trunc('month', resolved_at)::date as month, category, kind, count(*) as watched
    from matter_known
    where resolved_at <= timestamp '2026-10-01' - interval 30 day
    group by all
),

member as (
    select *, 'none' as breakdown_type, 'total' as breakdown_value from base
    union all
    select *, 'category', category from base
    union all
    select *, 'kind', kind from base
),

total as (
    select
        place_up.place, period.period_type, period.period_start, member.breakdown_type, member.breakdown_value,
        coalesce(sum(columns(member.* exclude (community, month, category, kind, breakdown_type, breakdown_value))), 0)::double
    from member
    inner join place_up on member.community = place_up.community
    inner join period on member.month = period.month
    group by place_up.place, period.period_type, period.period_start, member.breakdown_type, member.breakdown_value
),

-- metric, numerator, denominator, and what has to be there for a row
metric as (
    select unnest([
        {'metric_code': 'R01.raised', 'numerator': raised, 'denominator': null, 'is_there': raised},
        {'metric_code': 'R01.resolved', 'numerator': resolved, 'denominator': null, 'is_there': raised},
        {'metric_code': 'R01.rejected', 'numerator': rejected, 'denominator': null, 'is_there': raised},
        {'metric_code': 'R01.withdrawn', 'numerator': withdrawn, 'denominator': null, 'is_there': raised},
        {'metric_code': 'R01.cancelled', 'numerator': 0, 'denominator': null, 'is_there': raised},
        {'metric_code': 'R01.referred_out', 'numerator': 0, 'denominator': null, 'is_there': raised},
        {'metric_code': 'R01.open', 'numerator': still_open, 'denominator': null, 'is_there': raised},
        {'metric_code': 'R02', 'numerator': resolved, 'denominator': raised, 'is_there': raised},
        {'metric_code': 'R03', 'numerator': ended, 'denominator': raised, 'is_there': raised + ended},
        {'metric_code': 'R04', 'numerator': on_time, 'denominator': past_target, 'is_there': past_target},
        {'metric_code': 'R04.closed', 'numerator': on_time, 'denominator': resolved, 'is_there': past_target},
        {'metric_code': 'R06.invalid_interval', 'numerator': 0, 'denominator': null, 'is_there': raised},
        {'metric_code': 'R06.missing_end', 'numerator': 0, 'denominator': null, 'is_there': raised},
        {'metric_code': 'R08', 'numerator': 0, 'denominator': watched, 'is_there': watched},
        {'metric_code': 'R10', 'numerator': 0, 'denominator': resolved, 'is_there': resolved},
        {'metric_code': 'R11.escalated', 'numerator': escalated, 'denominator': raised, 'is_there': raised},
        {'metric_code': 'R11.in_community', 'numerator': resolved_in_community, 'denominator': resolved, 'is_there': resolved},
        {'metric_code': 'R12', 'numerator': repeated, 'denominator': raised, 'is_there': raised}
    ], recursive := true), place, period_type, period_start, breakdown_type, breakdown_value
    from total
)

select
    metric_code, place, period_type, period_start, breakdown_type, breakdown_value, numerator::double as numerator,
    denominator::double as denominator, case when denominator is null then numerator else numerator / nullif(denominator,
        0) end::double as "value"
from metric
where is_there > 0
