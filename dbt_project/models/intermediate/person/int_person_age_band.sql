with unsteady as (
    select person_number, participation_date, max(age_band) as age_band
    from {{ participations_by_number() }} as participations
    where steady_age_band is null and first_date is not null and age_band is not null
    group by person_number, participation_date
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
