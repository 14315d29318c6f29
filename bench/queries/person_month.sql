-- One row per person, place at every level and month.
-- depends_on: {{ ref('person') }} {{ ref('place_up') }}
with community_month as (
    select
        participation.place_code as community, person.person_no, date_trunc('month',
            participation.participation_date)::date as month,
        count(*) as occasions,
        bit_or(case participation.action when '参加' then 1 when '服务' then 2 else 4 end) as actions,
        any_value(person.age_band) as age_band, any_value(person.first_date) as first_date
    from participation
    inner join person on participation.person = person.person
    where participation.state in ('已签到', '已登记')
    group by all
)

select
    place_up.place, community_month.person_no, community_month.month, sum(community_month.occasions)::integer as occasions,
    bit_or(community_month.actions) as actions, any_value(community_month.age_band) as age_band,
    any_value(community_month.first_date) as first_date
from community_month
inner join place_up on community_month.community = place_up.community
group by place_up.place, community_month.person_no, community_month.month
