with kpi_row_fee_household as (
    select
        place_key, date_trunc('month', money_date)::date as period_month, null::string as currency,
        case when kind = 'fee_payment' then household_count end as households_paid,
        case when kind = 'fee_bill' then household_count end as households_billed,
        as_of_date, source, file_id, row_no
    from {{ ref('fct_money') }}
    where kind in ('fee_bill', 'fee_payment') and household_count is not null
)

select * from kpi_row_fee_household
