-- R05.median, R05.p90 (Kaplan–Meier) and R06
-- depends_on: {{ ref('matter_known') }} {{ ref('place_up') }} {{ ref('period') }}
-- A number stands for place, period and member: what is sorted most is as narrow as can be.
with place_no as (
    select place, (row_number() over ())::integer as place_no from (select distinct place from place_up)
),

period_no as (
    select *, (row_number() over ())::integer as period_no from (select distinct period_type, period_start from period)
),

member_no as (
    select *, (row_number() over ())::integer as member_no
    from (
        select 'none' as breakdown_type, 'total' as breakdown_value
        union all
        select distinct 'category', category from matter_known
        union all
        select distinct 'kind', kind from matter_known
    )
),

of_community as (
    select place_up.community, place_no.place_no from place_up inner join place_no on place_up.place = place_no.place
),

of_month as (
    select period.month, period_no.period_no
    from period
    inner join period_no on period.period_type = period_no.period_type and period.period_start = period_no.period_start
),

of_matter as (
    select matter.community, matter.month, matter.minutes, matter.outcome = 'resolved' as is_event, member_no.member_no
    from matter_known as matter
    inner join member_no
        on member_no.breakdown_value = case member_no.breakdown_type when 'none' then 'total'
            when 'category' then matter.category else matter.kind end
),

sample as (
    select
        (of_community.place_no * 64 + of_month.period_no) * 16 + of_matter.member_no as cell, of_matter.minutes,
            of_matter.is_event
    from of_matter
    inner join of_community on of_matter.community = of_community.community
    inner join of_month on of_matter.month = of_month.month
),

at_time as (
    select cell, minutes, count(*)::integer as leaving, (count(*) filter (is_event))::integer as events
        from sample group by cell, minutes
),

at_risk as (
    select cell, minutes, events, sum(leaving) over (partition by cell order by minutes desc)::integer as at_risk from at_time
),

survival as (
    select
        cell, minutes,
        sum(case when events < at_risk then ln(1 - events / at_risk) else -1e9 end) over (partition by cell
            order by minutes) as log_survival
    from at_risk
),

quantile as (
    select
        cell, min(minutes) filter (log_survival <= ln(0.5 + 1e-12)) as median,
            min(minutes) filter (log_survival <= ln(0.1 + 1e-12)) as p90
    from survival
    group by cell
),

counted as (
    select
        cell, count(*)::double as matters, (count(*) filter (is_event))::double as resolved,
            median(minutes) filter (is_event) as naive
    from sample
    group by cell
),

found as (
    select place_no.place, period_no.period_type, period_no.period_start, member_no.breakdown_type,
        member_no.breakdown_value, counted.*, quantile.*
    from counted
    inner join quantile on counted.cell = quantile.cell
    inner join place_no on counted.cell // 1024 = place_no.place_no
    inner join period_no on counted.cell // 16 % 64 = period_no.period_no
    inner join member_no on counted.cell % 16 = member_no.member_no
)

select 'R05.median' as metric_code, place, period_type, period_start, breakdown_type, breakdown_value, resolved as numerator,
    matters as denominator,
    median / 1440 as "value"
from found
union all
select 'R05.p90', place, period_type, period_start, breakdown_type, breakdown_value, resolved, matters, p90 / 1440 from found
union all
select 'R06', place, period_type, period_start, breakdown_type, breakdown_value, resolved, resolved, naive / 1440
    from found where resolved > 0
