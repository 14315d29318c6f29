with rows as (
    select participation.*, places.tree
    from {{ ref('fct_participation') }} as participation
    inner join {{ ref('int_place') }} as places on participation.place_key = places.place_key
),

kpi_row_participation as (
    select
        place_key, date_trunc('month', participation_date)::date as period_month, action, age_band, null::string as currency,
        case when {{ is_qualifying('rows') }} then 1 end as participants,
        case when {{ is_qualifying('rows') }} and household_key is not null then 1 end as participating_households,
        case when {{ is_qualifying('rows') }} and 1 = row_number() over (
            partition by tree, person_key, {{ is_qualifying('rows') }} order by participation_date, participation_key
        ) then 1 end as first_time_participants,
        case when {{ is_volunteering('rows') }} then 1 end as active_volunteers,
        as_of_date, source, file_id, row_no
    from rows
)

select * from kpi_row_participation
