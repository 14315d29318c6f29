-- One row per month and period that it is part of.
with month as (
    select unnest(generate_series(date '2024-10-01', date '2026-09-01', interval 1 month))::date as month
)

select month, 'month' as period_type, month as period_start, (month + interval 1 month)::date as period_end from month
union all
select month, 'quarter', date_trunc('quarter', month)::date, (date_trunc('quarter', month) + interval 3 month)::date from month
union all
select month, 'year', date_trunc('year', month)::date, (date_trunc('year', month) + interval 1 year)::date from month
union all
select month, 'all', date '2024-10-01', date '2026-10-01' from month
