with cases as (
    select * from {{ ref('fct_case') }} where interval_status in ('valid', 'open')
),

periods as (
    select distinct tree, period_type, period_start, period_end from {{ ref('int_period') }}
),

-- A case counts in every period that ends after it was raised, as far as its state is known then.
watched as (
    select
        cases.place_key, periods.period_type, periods.period_start, periods.period_end, cases.as_of_date, cases.opened_at,
        cases.ended_at, cases.source, cases.file_id, cases.row_no,
        least({{ instant_at('periods.period_end::timestamp', 'cases.time_zone') }}, cases.observed_until_at) as cutoff_at
    from cases
    inner join {{ ref('int_place') }} as places on cases.place_key = places.place_key
    inner join periods
        on places.tree = periods.tree
        and cases.opened_date < periods.period_end
        and cases.as_of_date >= periods.period_start
),

standing as (
    select
        *,
        ended_at is null or ended_at >= cutoff_at as is_standing,
        (epoch_us(cutoff_at) - epoch_us(opened_at)) / 86400e6 as age_days
    from watched
),

kpi_row_backlog as (
    select
        place_key, period_type, period_start, period_end, null::string as currency,
        is_standing::integer as cases_standing,
        case
            when not is_standing then null
            when age_days < 8 then '0-7'
            when age_days < 31 then '8-30'
            when age_days <= 90 then '31-90'
            else '90+'
        end as age_band,
        as_of_date, source, file_id, row_no
    from standing
)

select * from kpi_row_backlog
