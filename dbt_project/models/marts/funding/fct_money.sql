with int_money as (
    select * from {{ ref('int_money') }}
),

fct_money as (
    select
        money_key,
        place_key,
        kind,
        process_code,
        direction,
        source_type,
        counterparty_key,
        fund,
        project_id,
        amount,
        currency,
        money_date,
        is_government,
        round_code,
        household_count,
        as_of_date,
        source,
        file_id,
        row_no
    from int_money
)

select * from fct_money
