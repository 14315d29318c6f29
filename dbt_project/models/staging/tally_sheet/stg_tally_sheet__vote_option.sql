with delivered as (
    select * from {{ delivered_rows('tally_sheet') }}
),

votes as (
    select vote_id, _reject_reason from {{ ref('stg_tally_sheet__vote') }}
),

stg_tally_sheet__vote_option as (
    select
        votes.vote_id,
        {{ clean_text('option_no') }} as option_no,
        {{ clean_text('option_label') }} as option_label,
        for_count, against_count, abstain_count,
        null::decimal(18, 2) as for_area,
        {{ yes_or_no('chosen') }} as is_chosen,
        votes._reject_reason,
        {{ provenance() }}
    from delivered
    inner join votes on {{ clean_text('delivered.vote_no') }} = votes.vote_id
)

select * from stg_tally_sheet__vote_option
