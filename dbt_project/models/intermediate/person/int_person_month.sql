with rows as (
    select *, date_trunc('month', participation_date)::date as period_month
    from {{ participations_by_number() }} as participations
    where {{ is_qualifying('participations') }}
),

months as (
    select
        person_number, place_number, period_month, any_value(first_date) as first_date,
        any_value(steady_age_band) as steady_age_band,
        -- A participation without a listed activity is an occasion of its own.
        count(*) filter (where activity_key is null) as unlisted_count,
        bit_or({{ action_bit('action') }}) as actions,
        {% for edge, name in {'min': 'first', 'max': 'last'}.items() -%}
        {{ edge }}(participation_date) filter (where {{ is_volunteering('rows') }}) as {{ name }}_shift_date
        {%- if not loop.last %}, {% endif %}
        {%- endfor %}
    from rows
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
        months.first_shift_date, months.last_shift_date
    from months
    left join listed using (person_number, place_number, period_month)
)

select * from int_person_month
