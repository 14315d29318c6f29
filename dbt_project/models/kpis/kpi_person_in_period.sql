{% set actions = qualifying_actions() | sort %}
{% set keys = 'tree, ancestor_place_key, period_type, period_start, period_end, person_key' %}

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

-- What a person did at a place in a month, small: the twelve copies for every level and period are made of these rows.
monthly as (
    select
        tree, place_key, person_key, date_trunc('month', participation_date)::date as period_month,
        count(*) filter (activity_key is null) as unlisted_count,
        {% for action in actions -%}
        bool_or(action = '{{ action }}') as has_{{ action }},
        {% endfor -%}
        max(as_of_date) as as_of_date
    from participations
    group by all
),

people as (
    select
        {{ keys }}, sum(unlisted_count)::bigint as unlisted_count,
        {% for action in actions -%}
        bool_or(has_{{ action }}) as has_{{ action }},
        {% endfor -%}
        max(as_of_date) as as_of_date
    from {{ at_every_level('monthly', 'period_month') }}
    group by {{ keys }}
),

-- Lists and distinct counts of all people at once need more memory than there may be: distinct rows do not.
{% for column in ['activity_key', 'household_key'] -%}
{{ column }}_in_month as (
    select distinct tree, place_key, person_key, date_trunc('month', participation_date)::date as period_month, {{ column }}
    from participations
    where {{ column }} is not null
),

{% endfor -%}
occasions as (
    select {{ keys }}, count(*) as activity_count
    from (select distinct {{ keys }}, activity_key from {{ at_every_level('activity_key_in_month', 'period_month') }})
    group by {{ keys }}
),

households as (
    select {{ keys }}, array_sort(array_agg(household_key)) as household_keys
    from (select distinct {{ keys }}, household_key from {{ at_every_level('household_key_in_month', 'period_month') }})
    group by {{ keys }}
),

kpi_person_in_period as (
    select
        people.tree, people.ancestor_place_key as place_key, people.period_type, people.period_start, people.period_end,
        people.person_key,
        -- A participation without a listed activity is an occasion of its own.
        people.unlisted_count + coalesce(occasions.activity_count, 0) as occasion_count,
        {% set done = [] -%}
        {% for action in actions %}{% do done.append("case when people.has_" ~ action ~ " then '" ~ action ~ "' end") %}{% endfor -%}
        {{ known_members(list_of(done)) }} as actions,
        households.household_keys,
        people.as_of_date,
        coalesce(age_bands.age_band, 'unknown') as age_band,
        firsts.first_date >= people.period_start as is_first_time, firsts.first_month >= people.period_start as is_left_censored
    from people
    left join occasions using ({{ keys }})
    left join households using ({{ keys }})
    inner join firsts on people.tree = firsts.tree and people.person_key = firsts.person_key
    left join age_bands
        on people.tree = age_bands.tree and people.person_key = age_bands.person_key
        and {{ valid_on('age_bands.valid_from', 'age_bands.valid_to', '(people.period_end - 1)') }}
)

select * from kpi_person_in_period
