with rows as (
    select participation.*, places.place_number, people.person_number
    from {{ ref('int_participation') }} as participation
    inner join {{ ref('int_place') }} as places on participation.place_key = places.place_key
    inner join {{ ref('int_person') }} as people
        on places.tree = people.tree and participation.person_key = people.person_key
    where participation.activity_key is not null
),

attended as (
    select distinct person_number, place_number, date_trunc('month', participation_date)::date as period_month, activity_key
    from rows
    where {{ is_qualifying('rows') }}
),

int_person_activity as (
    select *, count(*) over (partition by person_number, activity_key) = 1 as is_once
    from attended
)

select * from int_person_activity
