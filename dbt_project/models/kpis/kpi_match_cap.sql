with projects as (
    select projects.*, awards.place_key, awards.as_of_date
    from {{ ref('int_capped_project') }} as projects
    inner join {{ ref('fct_money') }} as awards on projects.first_award_key = awards.money_key
),

movements as (
    select money.kind, money.project_id, money.money_date, money.amount, money.currency, places.tree
    from {{ ref('fct_money') }} as money
    inner join {{ ref('int_place') }} as places on money.place_key = places.place_key
    where money.kind in ('award', 'matching_contribution')
),

-- What a project was awarded and raised itself by the end of the period of its first award.
sums as (
    select
        levels.ancestor_place_key as place_key, levels.period_type, levels.period_start, levels.period_end, levels.tree,
        levels.project_id, levels.match_ratio_cap, levels.match_amount_cap, levels.as_of_date, movements.currency,
        coalesce(sum(movements.amount) filter (where movements.kind = 'award'), 0) as awarded,
        coalesce(sum(movements.amount) filter (where movements.kind = 'matching_contribution'), 0) as self_raised
    from {{ at_every_level('projects', 'awarded_date') }} as levels
    inner join movements
        on levels.tree = movements.tree and levels.project_id = movements.project_id and movements.money_date < levels.period_end
    group by all
),

kpi_match_cap as (
    select
        'F04.breaches' as metric_code, place_key, period_type, period_start, period_end,
        'none' as breakdown_type, 'total' as breakdown_value, null::string as currency,
        count(distinct project_id) filter (where awarded > match_ratio_cap * self_raised or awarded > match_amount_cap) as numerator,
        max(as_of_date) as as_of_date
    from sums
    group by all
)

select * from kpi_match_cap
