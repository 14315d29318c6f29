{% set keys = ['place_key', 'period_type', 'period_start', 'period_end', 'currency'] %}

with donations as (
    select * from {{ ref('fct_money') }} where kind = 'donation'
),

by_source_type as (
    select {{ keys | join(', ') }}, breakdown_value, raised_amount
    from {{ components_side_by_side(['raised_amount']) }}
    where breakdown_type = 'source_type'
),

diversity as (
    select * from {{ diversity('by_source_type', keys, 'raised_amount') }}
),

by_donor as (
    select
        ancestor_place_key as place_key, period_type, period_start, period_end, currency, counterparty_key, sum(amount) as amount,
        count(*) as donation_count, max(as_of_date) as as_of_date
    from {{ at_every_level('donations', 'money_date') }}
    group by all
),

donors as (
    select
        {{ keys | join(', ') }}, sum(amount)::double as raised,
        coalesce(max(amount) filter (where counterparty_key is not null), 0)::double as top_donor,
        sum(donation_count) as donation_count,
        max(as_of_date) as as_of_date
    from by_donor
    group by {{ keys | join(', ') }}
),

awards as (
    select place_key, period_start as period_month, currency, awarded_amount, as_of_date
    from {{ components_side_by_side(['awarded_amount']) }}
    where period_type = 'month' and breakdown_type = 'none'
),

-- The places directly below in each month (rule 9), without the unknown member.
children as (
    select
        places.parent_place_key, places.place_key, periods.period_month, periods.period_type, periods.period_start,
        periods.period_end
    from {{ ref('dim_place') }} as places
    inner join {{ ref('int_period') }} as periods
        on places.tree = periods.tree
        and {{ valid_on('places.counts_from', 'places.counts_to', 'last_day(periods.period_month)') }}
        and {{ valid_on('places.valid_from', 'places.valid_to', 'last_day(periods.period_month)') }}
    where places.parent_place_key is not null and places.place_level != 'unknown'
),

child_awards as (
    select
        children.parent_place_key as place_key, children.place_key as child_place_key, children.period_type,
        children.period_start,
        children.period_end, awards.currency, sum(awards.awarded_amount::decimal(38, 6))::double as awarded,
        max(awards.as_of_date) as as_of_date
    from children
    left join awards on children.place_key = awards.place_key and children.period_month = awards.period_month
    group by all
),

currencies as (
    select {{ keys | join(', ') }}, max(as_of_date) as as_of_date
    from child_awards
    where currency is not null
    group by {{ keys | join(', ') }}
),

-- A place that was awarded nothing counts with 0.
with_zeros as (
    select
        currencies.place_key, currencies.period_type, currencies.period_start, currencies.period_end, currencies.currency,
        currencies.as_of_date, those.child_place_key,
        coalesce(sum(those.awarded) filter (where those.currency = currencies.currency), 0)::decimal(18, 2) as awarded
    from currencies
    inner join child_awards as those
        on currencies.place_key = those.place_key and currencies.period_type = those.period_type
        and currencies.period_start = those.period_start
    group by all
),

ranked as (
    select
        *,
        row_number() over (partition by {{ keys | join(', ') }} order by awarded desc) as position,
        count(*) over (partition by {{ keys | join(', ') }}) as child_count
    from with_zeros
),

tops as (
    select
        {{ keys | join(', ') }}, sum(awarded)::double as awarded,
        (sum(awarded) filter (where position <= ceil(child_count / 10.0)))::double as top_awarded,
        any_value(child_count) as child_count, max(as_of_date) as as_of_date
    from ranked
    group by {{ keys | join(', ') }}
),

ginis as (
    select * from {{ gini('with_zeros', keys, 'awarded') }}
),

kpi_concentration as (
    select
        'F08.diversity' as metric_code, {{ keys | join(', ') }}, null::double as numerator, donors.raised as denominator,
        diversity.diversity as value, donors.donation_count as n, donors.as_of_date
    from donors
    inner join diversity using (place_key, period_type, period_start, period_end, currency)
    union all
    select
        'F08.top_donor' as metric_code, {{ keys | join(', ') }}, top_donor as numerator, raised as denominator,
        top_donor / nullif(raised, 0) as value, donation_count as n, as_of_date
    from donors
    union all
    select
        'F13.gini' as metric_code, {{ keys | join(', ') }}, null as numerator, tops.awarded as denominator, ginis.gini as value,
        tops.child_count as n, tops.as_of_date
    from tops
    inner join ginis using (place_key, period_type, period_start, period_end, currency)
    where tops.child_count >= 2 and tops.awarded > 0
    union all
    select
        'F13.top_share' as metric_code, {{ keys | join(', ') }}, top_awarded as numerator, awarded as denominator,
        top_awarded / awarded as value, child_count as n, as_of_date
    from tops
    where child_count >= 2 and awarded > 0
)

select *, 'none' as breakdown_type, 'total' as breakdown_value, false as is_not_reached from kpi_concentration
