-- One row per place and age band (total: all of them): the permanent population.
-- depends_on: {{ ref('place_up') }}
with counted as (
    select
        place.place_code as community, population.permanent as total, population.permanent_age_0_17 as "0-17",
        population.permanent_age_18_44 as "18-44", population.permanent_age_45_59 as "45-59",
            population.permanent_age_60_plus as "60+"
    from population
    inner join place on population.community = place.place_name
),

banded as (
    unpivot counted on "total", "0-17", "18-44", "45-59", "60+" into name age_band value people
)

select place_up.place, banded.age_band, sum(banded.people)::double as people
from banded
inner join place_up on banded.community = place_up.community
group by place_up.place, banded.age_band
