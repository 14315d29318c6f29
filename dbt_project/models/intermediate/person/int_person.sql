with rows as (
    select participation.*, places.tree
    from {{ ref('int_participation') }} as participation
    inner join {{ ref('int_place') }} as places on participation.place_key = places.place_key
    where participation.person_key is not null
),

people as (
    select
        tree, person_key, min(participation_date) filter (where {{ is_qualifying('rows') }}) as first_date,
        min(age_band) as lowest_band, max(age_band) as highest_band,
        min(participation_date) filter (where age_band is not null) as band_since
    from rows
    group by tree, person_key
),

int_person as (
    select
        {{ number_of(['tree', 'person_key']) }} as person_number, tree, person_key, first_date,
        case when lowest_band = highest_band and band_since <= first_date then lowest_band end as steady_age_band
    from people
)

select * from int_person
