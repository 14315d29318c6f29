with delivered as (
    select * from {{ delivered_rows('swiss_turnout') }}
),

dated as (
    select
        *,
        -- The election is on the last Sunday but one of October (Federal Act on Political Rights, article 19).
        make_date(election_year, 10, 31) - (isodow(make_date(election_year, 10, 31)) % 7)::integer - 7 as election_date
    from delivered
),

stg_swiss_turnout__vote as (
    select
        election_year || '-' || {{ clean_text('commune_number') }} as vote_id,
        'role_election' as kind,
        null::string as process_code,
        'National Council ' || election_year as title,
        'switzerland' as tree,
        {{ clean_text('commune_number') }} as place_code,
        {{ clean_text('commune') }} as place_name,
        null::string as parent_place_name,
        'published' as state,
        null::string as result,
        null::date as announced_date,
        election_date as opened_date,
        election_date as closed_date,
        'person' as voter_unit,
        eligible_count,
        null::bigint as issued_count,
        returned_count,
        valid_count,
        blank_count + invalid_count as invalid_count,
        null::decimal(18, 2) as eligible_area,
        null::decimal(18, 2) as returned_area,
        {{ reject_reason([
            ('eligible_count is null or returned_count is null', 'missing_count'),
            ('returned_count > eligible_count', 'more_ballots_than_voters'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from dated
)

select * from stg_swiss_turnout__vote
