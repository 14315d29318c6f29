with int_vote as (
    select * from {{ ref('int_vote') }}
),

fct_vote as (
    select
        vote_key,
        place_key,
        kind,
        process_code,
        title,
        state,
        result,
        announced_date,
        opened_date,
        closed_date,
        vote_date,
        voter_unit,
        eligible_count,
        issued_count,
        returned_count,
        valid_count,
        invalid_count,
        eligible_area,
        returned_area,
        as_of_date,
        source,
        file_id,
        row_no
    from int_vote
)

select * from fct_vote
