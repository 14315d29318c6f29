with rows as (
    select
        participation.*, places.place_number, people.person_number, people.first_date, people.steady_age_band,
        date_trunc('month', participation.participation_date)::date as period_month
    from {{ ref('int_participation') }} as participation
    inner join {{ ref('int_place') }} as places on participation.place_key = places.place_key
    inner join {{ ref('int_person') }} as people
        on places.tree = people.tree and participation.person_key = people.person_key
),

months as (
    select
        person_number, place_number, period_month, any_value(first_date) as first_date,
        any_value(steady_age_band) as steady_age_band,
        -- A participation without a listed activity is an occasion of its own.
        count(*) filter (where activity_key is null) as unlisted_count,
        bit_or({{ action_bit('action') }}) as actions,
        {% for edge, name in {'min': 'first', 'max': 'last'}.items() -%}
        {{ edge }}(participation_date) filter (where {{ is_volunteering('rows') }}) as {{ name }}_shift_date,
        {% endfor -%}
        max(as_of_date) filter (where {{ is_volunteering('rows') }}) as shifts_as_of_date,
        max(as_of_date) as as_of_date
    from rows
    where {{ is_qualifying('rows') }}
    group by person_number, place_number, period_month
),

listed as (
    select person_number, place_number, period_month, count(*) as activity_count
    from {{ ref('int_person_activity') }}
    where is_once
    group by person_number, place_number, period_month
),

int_person_month as (
    select
        months.person_number, months.place_number, months.period_month, months.first_date, months.steady_age_band,
        months.unlisted_count + coalesce(listed.activity_count, 0) as occasion_count, months.actions,
        months.first_shift_date, months.last_shift_date, months.shifts_as_of_date, months.as_of_date
    from months
    left join listed using (person_number, place_number, period_month)
)

select * from int_person_month
