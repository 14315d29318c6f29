with unsteady as (
    select people.person_number, rows.participation_date, max(rows.age_band) as age_band
    from {{ ref('int_participation') }} as rows
    inner join {{ ref('int_place') }} as places on rows.place_key = places.place_key
    inner join {{ ref('int_person') }} as people on places.tree = people.tree and rows.person_key = people.person_key
    where people.steady_age_band is null and people.first_date is not null and rows.age_band is not null
    group by people.person_number, rows.participation_date
),

changes as (
    select *
    from unsteady
    qualify age_band is distinct from lag(age_band) over (partition by person_number order by participation_date)
),

int_person_age_band as (
    select
        person_number, age_band, participation_date as valid_from,
        lead(participation_date) over (partition by person_number order by participation_date) as valid_to
    from changes
)

select * from int_person_age_band
