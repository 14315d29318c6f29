with persons as (
    select rows.*, places.tree
    from {{ ref('fct_participation') }} as rows
    inner join {{ ref('int_place') }} as places on rows.place_key = places.place_key
    where rows.person_key is not null
),

participations as (
    select * from persons where {{ is_qualifying('persons') }}
),

-- What came before the first record is not known: people of the first month only seem to be new.
firsts as (
    select
        tree, person_key, min(participation_date) as first_date,
        date_trunc('month', min(min(participation_date)) over (partition by tree))::date as first_month
    from participations
    group by tree, person_key
),

known_bands as (
    select tree, person_key, participation_date, max(age_band) as age_band
    from persons
    where age_band is not null
    group by all
),

band_changes as (
    select *
    from known_bands
    qualify age_band is distinct from lag(age_band) over (partition by tree, person_key order by participation_date)
),

age_bands as (
    select
        tree, person_key, age_band, participation_date as valid_from,
        lead(participation_date) over (partition by tree, person_key order by participation_date) as valid_to
    from band_changes
),

people as (
    select
        tree, ancestor_place_key as place_key, period_type, period_start, period_end, person_key,
        count(distinct coalesce(activity_key, participation_key)) as occasion_count,
        array_sort(array_agg(distinct action)) as actions,
        -- Of nobody with a household it is NULL, where Spark alone would have an empty list.
        case when count(household_key) > 0
            then array_sort(array_agg(distinct household_key) filter (where household_key is not null)) end as household_keys,
        max(as_of_date) as as_of_date
    from {{ at_every_level('participations', 'participation_date') }}
    group by tree, ancestor_place_key, period_type, period_start, period_end, person_key
),

kpi_person_in_period as (
    select
        people.*, coalesce(age_bands.age_band, 'unknown') as age_band,
        firsts.first_date >= people.period_start as is_first_time, firsts.first_month >= people.period_start as is_left_censored
    from people
    inner join firsts on people.tree = firsts.tree and people.person_key = firsts.person_key
    left join age_bands
        on people.tree = age_bands.tree and people.person_key = age_bands.person_key
        and {{ valid_on('age_bands.valid_from', 'age_bands.valid_to', '(people.period_end - 1)') }}
)

select * from kpi_person_in_period
