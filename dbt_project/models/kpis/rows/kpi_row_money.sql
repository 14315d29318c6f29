{% set kinds = {'donation': 'raised', 'award': 'awarded', 'disbursement': 'disbursed', 'expenditure': 'spent'} %}

-- A kind that a place has no movements of stays NULL: nothing is claimed about it.
with kpi_row_money as (
    select
        place_key, date_trunc('month', money_date)::date as period_month, source_type, fund, currency,
        {% for kind, name in kinds.items() -%}
        case when kind = '{{ kind }}' then amount end as {{ name }}_amount,
        case when kind = '{{ kind }}' then 1 end as {{ name }}_count,
        {% endfor -%}
        as_of_date, source, file_id, row_no
    from {{ ref('fct_money') }}
)

select * from kpi_row_money
