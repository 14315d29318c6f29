with options as (
    select vote_key, count(*) as option_count, any_value(for_count) as for_count
    from {{ ref('fct_vote_option') }}
    group by vote_key
),

counted as (
    select votes.*, case when options.option_count = 1 then options.for_count end as for_count
    from {{ ref('fct_vote') }} as votes
    left join options on votes.vote_key = options.vote_key
    where votes.state in ('closed', 'counted', 'published', 'filed')
),

-- Both parts of a rate come from the same ballots.
kpi_row_vote as (
    select
        place_key, date_trunc('month', vote_date)::date as period_month, voter_unit, null::string as currency,
        {% for part, whole, condition in [
            ('returned_count', 'eligible_count', 'eligible_count > 0'), ('returned_area', 'eligible_area', 'eligible_area > 0'),
            ('valid_count', 'returned_count', 'true'), ('for_count', 'valid_count', 'true'),
        ] -%}
        case when {{ part }} is not null and {{ whole }} is not null and {{ condition }} then {{ part }} end
            as vote_{{ part }}_of_{{ whole }},
        case when {{ part }} is not null and {{ whole }} is not null and {{ condition }} then {{ whole }} end
            as vote_{{ whole }}_with_{{ part }},
        {% endfor -%}
        as_of_date, source, file_id, row_no
    from counted
)

select * from kpi_row_vote
