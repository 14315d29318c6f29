-- R05.median, R05.p90 (Kaplan–Meier) and R06
-- depends_on: {{ ref('matter_known') }} {{ ref('place_up') }} {{ ref('period') }}
with matter_at as (
    select
        place_up.place, period.period_type, period.period_start, matter.category, matter.kind, matter.minutes, matter.outcome = 'resolved' as is_event
    from matter_known as matter
    inner join place_up on matter.community = place_up.community
    inner join period on matter.month = period.month
),

sample as (
    select place, period_type, period_start, 'none' as breakdown_type, 'total' as breakdown_value, minutes, is_event from matter_at
    union all
    select place, period_type, period_start, 'category', category, minutes, is_event from matter_at
    union all
    select place, period_type, period_start, 'kind', kind, minutes, is_event from matter_at
),

at_time as (
    select place, period_type, period_start, breakdown_type, breakdown_value, minutes, count(*) as leaving, count(*) filter (is_event) as events
    from sample
    group by all
),

at_risk as (
    select
        place, period_type, period_start, breakdown_type, breakdown_value, minutes, events,
        sum(leaving) over (partition by place, period_type, period_start, breakdown_type, breakdown_value order by minutes desc) as at_risk
    from at_time
),

survival as (
    select
        place, period_type, period_start, breakdown_type, breakdown_value, minutes, events,
        sum(case when events < at_risk then ln(1 - events / at_risk) else -1e9 end) over (
            partition by place, period_type, period_start, breakdown_type, breakdown_value order by minutes
        ) as log_survival
    from at_risk
),

quantile as (
    select
        place, period_type, period_start, breakdown_type, breakdown_value,
        min(minutes) filter (log_survival <= ln(0.5 + 1e-12)) as median, min(minutes) filter (log_survival <= ln(0.1 + 1e-12)) as p90
    from survival
    group by all
),

counted as (
    select
        place, period_type, period_start, breakdown_type, breakdown_value, count(*)::double as matters,
        count(*) filter (is_event)::double as resolved, median(minutes) filter (is_event) as naive
    from sample
    group by all
)

select 'R05.median' as metric_code, place, period_type, period_start, breakdown_type, breakdown_value, resolved as numerator, matters as denominator,
    median / 1440 as "value"
from counted inner join quantile using (place, period_type, period_start, breakdown_type, breakdown_value)
union all
select 'R05.p90', place, period_type, period_start, breakdown_type, breakdown_value, resolved, matters, p90 / 1440
from counted inner join quantile using (place, period_type, period_start, breakdown_type, breakdown_value)
union all
select 'R06', place, period_type, period_start, breakdown_type, breakdown_value, resolved, resolved, naive / 1440 from counted
where resolved > 0
