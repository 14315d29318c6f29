{% set signs = {
    'issued': "case when points > 0 and kind in ('time', 'case', 'exchange') then points end",
    'redeemed': "case when kind = 'redemption' then -points end",
    'penalties': "case when kind = 'penalty' then -points end",
    'expired': "case when kind = 'expiry' then -points end",
    'reversed': "case when kind = 'reversal' then points end",
    'outstanding': "points",
} %}

with kpi_row_points as (
    select
        place_key, date_trunc('month', posted_date)::date as period_month, null::string as currency,
        {% for name, amount in signs.items() -%}
        {{ amount }} as points_{{ name }},
        case when {{ amount }} is not null then 1 end as entries_{{ name }},
        {% endfor -%}
        case when kind = 'redemption' then (rule_code is null)::integer end as redemptions_without_rule,
        as_of_date, source, file_id, row_no
    from {{ ref('fct_points') }}
)

select * from kpi_row_points
