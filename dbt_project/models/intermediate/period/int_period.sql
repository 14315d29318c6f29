with dated as (
    select place_key, activity_date as event_date from {{ ref('int_activity') }}
    union all
    select place_key, {{ unnested(list_of(['opened_date', 'ended_date', 'as_of_date'])) }} as event_date from {{ ref('int_case') }}
    union all
    select place_key, {{ unnested(list_of(['opened_date', 'closed_date'])) }} as event_date from {{ ref('int_survey') }}
    union all
    select place_key, money_date as event_date from {{ ref('int_money') }}
    union all
    select place_key, participation_date as event_date from {{ ref('int_participation') }}
    union all
    select place_key, posted_date as event_date from {{ ref('int_points') }}
    union all
    select place_key, vote_date as event_date from {{ ref('int_vote') }}
    union all
    select place_key, evaluated_date as event_date from {{ ref('int_evaluation') }}
),

spans as (
    select
        places.tree,
        date_trunc('month', min(dated.event_date))::date as first_month,
        date_trunc('month', max(dated.event_date))::date as last_month
    from dated
    inner join {{ ref('int_place') }} as places on dated.place_key = places.place_key
    where dated.event_date is not null
    group by places.tree
),

months as (
    select tree, first_month, last_month, {{ dates_between('first_month', 'last_month', 'month') }} as period_month
    from spans
),

int_period as (
    select tree, period_month, 'month' as period_type, period_month as period_start,
        (period_month + interval 1 month)::date as period_end
    from months
    union all
    select tree, period_month, 'quarter', date_trunc('quarter', period_month)::date,
        (date_trunc('quarter', period_month) + interval 3 month)::date
    from months
    union all
    select tree, period_month, 'year', date_trunc('year', period_month)::date,
        (date_trunc('year', period_month) + interval 1 year)::date
    from months
    union all
    select tree, period_month, 'all', first_month, (last_month + interval 1 month)::date
    from months
)

select * from int_period
