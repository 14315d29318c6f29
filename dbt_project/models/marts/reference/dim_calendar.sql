with published as (
    select * from {{ ref('public_holiday') }}
),

-- Years whose arrangement the State Council has published; a year that is not listed is not guessed.
years as (
    select distinct date_trunc('year', day)::date as first_day from published
),

days as (
    select {{ dates_between('first_day', '(first_day + interval 1 year - interval 1 day)', 'day') }} as day
    from years
),

dim_calendar as (
    select
        days.day,
        isodow(days.day)::integer as weekday,
        published.name_zh as holiday_name,
        coalesce(published.day_type = 'holiday', false) as is_holiday,
        coalesce(published.day_type = 'makeup_workday', false) as is_makeup_workday,
        coalesce(published.day_type = 'makeup_workday', isodow(days.day) < 6) as is_workday
    from days
    left join published on days.day = published.day
)

select * from dim_calendar
