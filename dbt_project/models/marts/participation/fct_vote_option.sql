with int_vote_option as (
    select * from {{ ref('int_vote_option') }}
),

fct_vote_option as (
    select
        vote_option_key,
        vote_key,
        option_no,
        option_label,
        for_count,
        against_count,
        abstain_count,
        for_area,
        is_chosen,
        source,
        file_id,
        row_no
    from int_vote_option
)

select * from fct_vote_option
