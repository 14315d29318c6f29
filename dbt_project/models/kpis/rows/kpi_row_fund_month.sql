-- A fund is the fund of its place: two places may call theirs by the same name.
with months as (
    select
        place_key, fund, currency, date_trunc('month', money_date)::date as period_month,
        min_by(amount, (money_date, money_key)) filter (where kind = 'opening_balance') as opening,
        max_by(amount, (money_date, money_key)) filter (where kind = 'closing_balance') as closing,
        coalesce(sum(amount) filter (where direction = 'in'), 0) as received,
        coalesce(sum(amount) filter (where direction = 'out'), 0) as paid,
        max_by({{ struct_of({'source': 'source', 'file_id': 'file_id', 'row_no': 'row_no'}) }}, (money_date, money_key))
            filter (where kind = 'closing_balance') as closing_row,
        max(as_of_date) as as_of_date
    from {{ ref('fct_money') }}
    group by all
),

gaps as (
    select *, opening + received - paid - closing as gap from months where opening is not null and closing is not null
),

kpi_row_fund_month as (
    select
        place_key, period_month, fund, currency,
        abs(gap) as reconciliation_gap,
        (gap != 0)::integer as fund_months_unreconciled,
        1 as fund_months,
        as_of_date, closing_row.source as source, closing_row.file_id as file_id, closing_row.row_no as row_no
    from gaps
)

select * from kpi_row_fund_month
