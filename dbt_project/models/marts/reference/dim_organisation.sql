with int_organisation as (
    select * from {{ ref('int_organisation') }}
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
        valid_to,
        as_of_date,
        source,
        file_id,
        row_no
    from int_organisation
)

select * from dim_organisation
