with rows as (
    select * from {{ participations_by_number() }} as participations where activity_key is not null
),

attended as (
    select distinct person_number, place_number, date_trunc('month', participation_date)::date as period_month, activity_key
    from rows
    where {{ is_qualifying('rows') }}
),

int_person_activity as (
    select *, count(*) over (partition by person_number, activity_key) = 1 as is_once
    from attended
)

select * from int_person_activity
