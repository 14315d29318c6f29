-- F01, F02, F03, F05, F06, F08, F13
-- depends_on: {{ ref('place_up') }} {{ ref('period') }} {{ ref('kpi_attendance') }}
with money_at as (
    select
        place_up.place, place_up.depth, period.period_type, period.period_start, period.period_end, movement.kind,
            movement.amount,
        movement.counterparty, movement.project_no, movement.fund,
        case movement.source_type when '居民' then 'resident' when '企业' then 'company'
            when '政府' then 'government' else 'foundation' end
            as source_type
    from movement
    inner join place_up on movement.place_code = place_up.community
    inner join period on date_trunc('month', movement.money_date) = period.month
),

total as (
    select
        place, depth, period_type, period_start, any_value(period_end) as period_end,
        case when grouping(source_type) = 0 then 'source_type'
            when grouping(fund) = 0 then 'fund' else 'none' end as breakdown_type,
        coalesce(source_type, fund, 'total') as breakdown_value,
        (sum(amount) filter (kind = '捐赠'))::double as raised, (sum(amount) filter (kind = '立项资助'))::double as awarded,
        (sum(amount) filter (kind = '拨付'))::double as disbursed, (sum(amount) filter (kind = '支出'))::double as spent,
        count(*) filter (kind = '立项资助') as awards,
        coalesce(sum(amount) filter (kind in ('捐赠', '立项资助') and source_type != 'government'), 0)::double as non_government,
        coalesce(sum(amount) filter (kind in ('捐赠', '立项资助') and source_type = 'government'), 0)::double as government,
        count(*) filter (kind in ('捐赠', '立项资助')) as of_known_giver,
        (count(distinct counterparty) filter (kind = '捐赠' and source_type is not null))::double as donors,
        (sum(amount) filter (kind = '支出' and project_no is not null))::double as project_spent,
        (count(distinct project_no) filter (kind = '支出'))::double as projects
    from money_at
    group by grouping sets (
        (place, depth, period_type, period_start), (place, depth, period_type, period_start, source_type),
        (place, depth, period_type, period_start, fund)
    )
),

-- What had been awarded and paid by the end of each period.
paid as (
    select ends.place, ends.period_type, ends.period_start, before.breakdown_type, before.breakdown_value,
        coalesce(sum(before.disbursed), 0) as disbursed, sum(before.awarded) as awarded
    from (select distinct place_up.place, period.period_type, period.period_start, period.period_end
        from place_up cross join period) as ends
    inner join total as before
        on ends.place = before.place and before.period_type = 'month' and before.period_start < ends.period_end
        and before.breakdown_type in ('none', 'fund')
    group by all
    having sum(before.awards) > 0
),

top_donor as (
    select place, period_type, period_start, max(amount)::double as amount
    from (
        select place, period_type, period_start, counterparty, sum(amount) as amount from money_at
            where kind = '捐赠' group by all
    )
    group by all
),

diversity as (
    select place, period_type, period_start, sum(raised) as raised, sum(raised * raised) as squares
    from total
    where breakdown_type = 'source_type' and raised is not null
    group by all
),

child as (
    select distinct
        parents.place as parent, children.place, period.period_type, period.period_start
    from place_up as parents
    inner join place_up as children on parents.community = children.community and children.depth = parents.depth + 1
    cross join period
),

child_award as (
    select
        child.parent, child.period_type, child.period_start, coalesce(total.awarded, 0) as awarded,
        row_number() over (partition by child.parent, child.period_type, child.period_start order by coalesce(total.awarded,
            0)) as position,
        count(*) over (partition by child.parent, child.period_type, child.period_start) as children
    from child
    left join total
        on child.place = total.place and child.period_type = total.period_type and child.period_start = total.period_start
        and total.breakdown_type = 'none'
),

spread as (
    select
        parent as place, period_type, period_start, sum(awarded) as awarded,
        sum(awarded) filter (position > children - ceil(children / 10)) as top_awarded,
        2 * sum(position * awarded) / (any_value(children) * nullif(sum(awarded),
            0)) - (any_value(children) + 1) / any_value(children) as gini
    from child_award
    group by all
    having sum(awarded) > 0
),

attendance as (
    select place, period_type, period_start, "value" as attendances from kpi_attendance
        where metric_code = 'P02' and breakdown_type = 'none'
)

select 'F01.raised' as metric_code, place, period_type, period_start, breakdown_type, breakdown_value, raised as numerator,
    null::double as denominator, raised as "value"
from total where raised is not null
union all
select 'F02.awarded', place, period_type, period_start, breakdown_type, breakdown_value, awarded, null, awarded from total
where awarded is not null
union all
select 'F02.disbursed', place, period_type, period_start, breakdown_type, breakdown_value, disbursed, null, disbursed from total
where disbursed is not null
union all
select 'F02.spent', place, period_type, period_start, breakdown_type, breakdown_value, spent, null, spent from total
    where spent is not null
union all
select 'F01.donors', place, period_type, period_start, 'none', 'total', donors, null, donors from total
where breakdown_type = 'none' and raised is not null
union all
select 'F03', place, period_type, period_start, breakdown_type, breakdown_value, disbursed, awarded,
    disbursed / nullif(awarded, 0) from paid
union all
select 'F05', place, period_type, period_start, 'none', 'total', non_government, government,
    non_government / nullif(government, 0)
from total where breakdown_type = 'none' and of_known_giver > 0
union all
select 'F06.attendance', place, period_type, period_start, 'none', 'total', spent, attendances, spent / attendances
from total inner join attendance using (place, period_type, period_start)
where breakdown_type = 'none' and spent is not null
union all
select 'F06.attendance_awarded', place, period_type, period_start, 'none', 'total', awarded, attendances, awarded / attendances
from total inner join attendance using (place, period_type, period_start)
where breakdown_type = 'none' and awarded is not null
union all
select 'F06.project', place, period_type, period_start, 'none', 'total', project_spent, projects, project_spent / projects
from total where breakdown_type = 'none' and projects > 0
union all
select 'F08.top_donor', place, period_type, period_start, 'none', 'total', top_donor.amount, raised, top_donor.amount / raised
from diversity inner join top_donor using (place, period_type, period_start)
union all
select 'F08.diversity', place, period_type, period_start, 'none', 'total', null, raised, 1 - squares / (raised * raised)
    from diversity
union all
select 'F13.gini', place, period_type, period_start, 'none', 'total', null, awarded, gini from spread
union all
select 'F13.top_share', place, period_type, period_start, 'none', 'total', top_awarded, awarded, top_awarded / awarded
    from spread
