with int_participation_known as (
    select
        place_key, date_trunc('month', participation_date)::date as period_month, action, max(as_of_date) as as_of_date
    from {{ ref('int_participation') }} as rows
    where {{ is_qualifying('rows') }}
    group by all
)

select * from int_participation_known
