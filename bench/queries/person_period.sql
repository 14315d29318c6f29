-- One row per person, place and quarter, year or all time.
-- depends_on: {{ ref('person_month') }}
with person_quarter as (
    select
        place, person_no, date_trunc('quarter', month)::date as period_start, sum(occasions)::integer as occasions,
        bit_or(actions) as actions, any_value(age_band) as age_band, any_value(first_date) as first_date
    from person_month
    group by all
),

person_year as (
    select
        place, person_no, date_trunc('year', period_start)::date as period_start, sum(occasions)::integer as occasions,
        bit_or(actions) as actions, any_value(age_band) as age_band, any_value(first_date) as first_date
    from person_quarter
    group by all
)

select 'quarter' as period_type, * from person_quarter
union all
select 'year', * from person_year
union all
select
    'all', place, person_no, date '2024-10-01', sum(occasions)::integer, bit_or(actions), any_value(age_band),
        any_value(first_date)
from person_year
group by place, person_no
