with movements as (
    select *, date_trunc('month', money_date)::date as period_month
    from {{ ref('fct_money') }}
),

summed as (
    select
        place_key, period_month, breakdown_type, breakdown_value, currency,
        {% for kind, name in {'donation': 'raised', 'award': 'awarded', 'disbursement': 'disbursed', 'expenditure': 'spent'}.items() -%}
        {{ component_sum("case when kind = '" ~ kind ~ "' then amount end") }} as {{ name }}_amount,
        {{ component_sum("case when kind = '" ~ kind ~ "' then 1 end") }} as {{ name }}_count,
        {% endfor -%}
        max(as_of_date) as as_of_date
    from {{ broken_down('movements', {'source_type': 'source_type', 'fund': 'fund'}) }}
    group by all
),

-- A kind that a place has no movements of gives no rows here: nothing is claimed about it.
kpi_component_funding as (
    select * from {{ component_rows('summed', ['raised_amount', 'raised_count', 'awarded_amount', 'awarded_count',
        'disbursed_amount', 'disbursed_count', 'spent_amount', 'spent_count']) }}
)

select * from kpi_component_funding
