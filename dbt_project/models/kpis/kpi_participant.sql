{% set keys = ['place_key', 'period_type', 'period_start', 'period_end'] %}
{% set by = keys | join(', ') %}
{% set population_of_band = {
    '0-17': 'permanent_age_0_17', '18-44': 'permanent_age_18_44', '45-59': 'permanent_age_45_59', '60+': 'permanent_age_60_plus',
} %}

{% set actions = qualifying_actions() | sort %}
with places as (
    select place_key, place_number, tree from {{ ref('int_place') }}
),

-- The only reading of the largest relation of all.
by_band as (
    select
        places.place_key, counted.period_type, counted.period_start, counted.period_end, counted.age_band, counted.participants,
        counted.first_timers, counted.repeaters,
        {% for action in actions %}counted.did_{{ action }}{{ ", " if not loop.last }}{% endfor %}
    from (
        select
            place_number, period_type, period_start, period_end, age_band, count(*) as participants,
            count(*) filter (where is_first_time) as first_timers, count(*) filter (where occasion_count >= 2) as repeaters,
            {% for action in actions -%}
            count(*) filter (where {{ did('actions', action) }}) as did_{{ action }}{{ "," if not loop.last }}
            {% endfor -%}
        from {{ ref('kpi_person_in_period') }}
        group by place_number, period_type, period_start, period_end, age_band
    ) as counted
    inner join places on counted.place_number = places.place_number
),

known_of_action as (
    select ancestor_place_key as place_key, period_type, period_start, period_end, action, max(as_of_date) as as_of_date
    from {{ at_every_level(ref('int_participation_known'), 'period_month') }}
    group by all
),

known as (
    select {{ by }}, max(as_of_date) as as_of_date from known_of_action group by {{ by }}
),

-- What came before the first record is not known: people of the first month only seem to be new.
first_months as (
    select tree, date_trunc('month', min(first_date))::date as first_month from {{ ref('int_person') }} group by tree
),

totals as (
    select
        place_key, period_type, period_start, period_end, sum(by_band.participants)::bigint as participants,
        sum(by_band.first_timers)::bigint as first_timers, sum(by_band.repeaters)::bigint as repeaters,
        bool_or(first_months.first_month >= by_band.period_start) as is_left_censored,
        any_value(known.as_of_date) as as_of_date
    from by_band
    inner join places using (place_key)
    inner join first_months on places.tree = first_months.tree
    inner join known using ({{ by }})
    group by {{ by }}
),

household_months as (
    select
        place_key, date_trunc('month', participation_date)::date as period_month, household_key, max(as_of_date) as as_of_date
    from {{ ref('fct_participation') }} as rows
    where household_key is not null and {{ is_qualifying('rows') }}
    group by all
),

households as (
    select
        ancestor_place_key as place_key, period_type, period_start, period_end, count(distinct household_key) as participants,
        max(as_of_date) as as_of_date
    from {{ at_every_level('household_months', 'period_month') }}
    group by all
),

by_action as (
    {% for action in actions -%}
    select {{ by }}, '{{ action }}' as action, sum(did_{{ action }})::bigint as participants
    from by_band
    group by {{ by }}
    having sum(did_{{ action }}) > 0
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
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
    inner join known_of_action using ({{ by }}, action)
    union all
    select 'P03', {{ by }}, 'age_band', age_band, by_band.participants, null, by_band.participants, false, totals.as_of_date
    from by_band
    inner join totals using ({{ by }})
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
