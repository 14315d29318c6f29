with organisations as (
    select organisations.*, current_days.current_day
    from {{ ref('int_organisation') }} as organisations
    inner join {{ ref('int_place') }} as places on organisations.place_key = places.place_key
    left join {{ ref('int_current_day') }} as current_days on places.tree = current_days.tree
),

in_turn as (
    select
        *,
        lag(organisation_key) over by_start is null as is_first,
        lead(valid_from) over by_start as next_valid_from
    from organisations
    window by_start as (partition by organisation_key order by valid_from nulls first)
),

dim_organisation as (
    select
        organisation_version_key,
        organisation_key,
        place_key,
        kind,
        process_code,
        organisation_name,
        parent_organisation_key,
        member_count,
        party_member_count,
        founded_date,
        admitted_date,
        graduated_date,
        dissolved_date,
        valid_from,
        coalesce(valid_to, next_valid_from) as valid_to,
        {{ valid_on('case when not is_first then valid_from end', 'next_valid_from', "coalesce(current_day, date '9999-12-31')") }}
            as is_current,
        as_of_date,
        source,
        file_id,
        row_no
    from in_turn
)

select * from dim_organisation
