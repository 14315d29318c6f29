with movements as (
    select money.*, places.tree
    from {{ ref('int_money') }} as money
    inner join {{ ref('int_place') }} as places on money.place_key = places.place_key
    where money.kind in ('award', 'matching_contribution') and money.project_id is not null
),

-- The round is that of the project's first award, else of its first matching contribution.
projects as (
    select
        tree, project_id,
        coalesce(
            min_by(round_code, (money_date, money_key)) filter (where kind = 'award' and round_code is not null),
            min_by(round_code, (money_date, money_key)) filter (where round_code is not null)
        ) as round_code,
        min(money_date) filter (where kind = 'award') as awarded_date,
        min(money_date) as first_date,
        min_by(money_key, (money_date, money_key)) filter (where kind = 'award') as first_award_key
    from movements
    group by tree, project_id
),

int_capped_project as (
    select
        projects.tree,
        projects.project_id,
        projects.round_code,
        projects.awarded_date,
        projects.first_award_key,
        rounds.match_ratio_cap,
        rounds.match_amount_cap
    from projects
    inner join {{ ref('grant_round') }} as rounds
        on projects.round_code = rounds.round_code
        and {{ valid_on('rounds.valid_from', 'rounds.valid_to', 'coalesce(projects.awarded_date, projects.first_date)') }}
    where rounds.match_ratio_cap is not null or rounds.match_amount_cap is not null
)

select * from int_capped_project
