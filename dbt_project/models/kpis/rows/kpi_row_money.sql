{% set kinds = {
    'donation': 'raised', 'in_kind_donation': 'in_kind', 'award': 'awarded', 'disbursement': 'disbursed', 'expenditure': 'spent',
    'fee_bill': 'fees_billed', 'fee_payment': 'fees_paid',
} %}

-- A kind that a place has no movements of stays NULL: nothing is claimed about it.
with money as (
    select
        money.*,
        projects.project_id is not null as is_of_capped_project,
        money.kind in ('donation', 'award', 'matching_contribution') and money.is_government is not null as is_of_known_giver
    from {{ ref('fct_money') }} as money
    inner join {{ ref('int_place') }} as places on money.place_key = places.place_key
    left join {{ ref('int_capped_project') }} as projects
        on places.tree = projects.tree and money.project_id = projects.project_id
),

kpi_row_money as (
    select
        place_key, date_trunc('month', money_date)::date as period_month, source_type, fund,
        case when amount is not null then currency end as currency,
        {% for kind, name in kinds.items() -%}
        case when kind = '{{ kind }}' then amount end as {{ name }}_amount,
        case when kind = '{{ kind }}' and amount is not null then 1 end as {{ name }}_count,
        {% endfor -%}
        case when kind = 'in_kind_donation' and amount is null then 1 end as in_kind_unvalued,
        case when kind = 'award' and is_of_capped_project then amount end as matched_award_amount,
        case when kind = 'award' and is_of_capped_project then 1 end as matched_award_count,
        case when kind = 'matching_contribution' and is_of_capped_project then amount end as self_raised_amount,
        case when is_of_known_giver then if(is_government, 0, amount) end as non_government_amount,
        case when is_of_known_giver then if(is_government, amount, 0) end as government_amount,
        case when is_of_known_giver then 1 end as known_giver_count,
        case when kind = 'expenditure' and project_id is not null then amount end as project_spent_amount,
        case when kind = 'expenditure' and project_id is not null then 1 end as project_spent_count,
        case when kind = 'endowment_gift' then amount end as endowment_given_amount,
        case when kind = 'endowment_balance' then amount end as endowment_balance_amount,
        as_of_date, source, file_id, row_no
    from money
)

select * from kpi_row_money
