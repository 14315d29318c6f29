with shifts as (
    select
        *, coalesce((epoch_us(ended_at) - epoch_us(started_at)) / 3600e6, hours) as shift_hours
    from {{ ref('fct_participation') }} as rows
    where {{ is_volunteering('rows') }} and rows.is_verified
),

judged as (
    select *, shift_hours > 0 and shift_hours <= 24 as is_credible from shifts
),

-- Of two shifts at once only one is work: what earlier ones cover does not count again.
covered as (
    select
        *,
        max(ended_at) over (
            partition by person_key, is_credible, started_at is null or ended_at is null
            order by started_at, participation_key rows between unbounded preceding and 1 preceding
        ) as covered_until
    from judged
),

kpi_row_volunteer_shift as (
    select
        place_key, date_trunc('month', participation_date)::date as period_month, null::string as currency,
        case
            when not is_credible then null
            when started_at is null or ended_at is null then hours
            else greatest(epoch_us(ended_at) - epoch_us(greatest(started_at, covered_until)), 0) / 3600e6
        end::decimal(38, 15) as volunteer_hours,
        case when is_credible then 1 end as volunteer_shifts_credible,
        case when not is_credible then 1 end as volunteer_shifts_invalid,
        as_of_date, source, file_id, row_no
    from covered
)

select * from kpi_row_volunteer_shift
