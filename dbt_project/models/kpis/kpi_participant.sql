{% set keys = ['place_key', 'period_type', 'period_start', 'period_end'] %}
{% set by = keys | join(', ') %}
{% set population_of_band = {
    '0-17': 'permanent_age_0_17', '18-44': 'permanent_age_18_44', '45-59': 'permanent_age_45_59', '60+': 'permanent_age_60_plus',
} %}

with people as (
    select * from {{ ref('kpi_person_in_period') }}
),

totals as (
    select
        {{ by }}, count(*) as participants, count(*) filter (where is_first_time) as first_timers,
        count(*) filter (where occasion_count >= 2) as repeaters, bool_or(is_left_censored) as is_left_censored,
        max(as_of_date) as as_of_date
    from people
    group by {{ by }}
),

households as (
    select {{ by }}, count(distinct household_key) as participants, max(as_of_date) as as_of_date
    from (select *, {{ unnested('household_keys') }} as household_key from people)
    group by {{ by }}
),

by_action as (
    select {{ by }}, action, count(*) as participants, max(as_of_date) as as_of_date
    from (select *, {{ unnested('actions') }} as action from people)
    group by {{ by }}, action
),

by_band as (
    select {{ by }}, age_band, count(*) as participants from people group by {{ by }}, age_band
),

population as (
    select
        {{ by }}, value::double as population, measure,
        case measure {% for band, measure in population_of_band.items() %}when '{{ measure }}' then '{{ band }}' {% endfor %}end
            as age_band
    from {{ ref('int_population_in_period') }}
),

-- Where anybody took part, a band that nobody came from is a rate of 0, not a gap.
band_rates as (
    select {{ by }}, age_band, coalesce(by_band.participants, 0) as participants, population.population, totals.as_of_date
    from by_band
    full join (select * from population where age_band is not null) as population using ({{ by }}, age_band)
    inner join totals using ({{ by }})
),

spread as (
    select
        {{ by }}, sum(participants) filter (where population > 0) as n, count(*) filter (where population > 0) as band_count,
        min(participants / nullif(population, 0)) as lowest_rate,
        max(participants / nullif(population, 0)) as highest_rate,
        max(as_of_date) as as_of_date
    from band_rates
    group by {{ by }}
),

kpi_participant as (
    select 'P03' as metric_code, {{ by }}, 'none' as breakdown_type, 'total' as breakdown_value, participants as numerator,
        null::double as denominator, participants as n, false as is_left_censored, as_of_date
    from totals
    union all
    select 'P03', {{ by }}, 'action', action, participants, null, participants, false, as_of_date
    from by_action
    union all
    select 'P03', {{ by }}, 'age_band', age_band, participants, null, participants, false, as_of_date
    from by_band
    inner join (select {{ by }}, as_of_date from totals) as totals using ({{ by }})
    union all
    {% for metric, counted, measure in [('P04.pop', 'totals', 'permanent'), ('P04.hh', 'households', 'households')] -%}
    select '{{ metric }}', {{ by }}, 'none', 'total', participants, population, null, false, as_of_date
    from {{ counted }}
    left join (select {{ by }}, population from population where measure = '{{ measure }}') as population using ({{ by }})
    union all
    {% endfor -%}
    select 'P04.pop', {{ by }}, 'age_band', age_band, participants, population, null, false, as_of_date
    from band_rates
    union all
    select 'P06', {{ by }}, 'none', 'total', first_timers, participants, null, is_left_censored, as_of_date
    from totals
    union all
    select 'P07', {{ by }}, 'none', 'total', repeaters, participants, null, false, as_of_date
    from totals
    union all
    select 'P19', {{ by }}, 'none', 'total', case when band_count >= 2 then lowest_rate end,
        case when band_count >= 2 then highest_rate end, coalesce(n, 0), false, as_of_date
    from spread
)

select * from kpi_participant
