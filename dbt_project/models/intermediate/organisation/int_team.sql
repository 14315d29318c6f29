with versions as (
    select organisations.*, places.tree
    from {{ ref('int_organisation') }} as organisations
    inner join {{ ref('int_place') }} as places on organisations.place_key = places.place_key
    where organisations.kind in ('volunteer_team', 'resident_group', 'culture_association')
),

-- The register as a whole is known up to one day; a source that dates nothing is known up to its last event.
known as (
    select
        tree,
        max(coalesce(as_of_date, greatest(founded_date, admitted_date, graduated_date, dissolved_date))) as register_as_of_date
    from versions
    group by tree
),

int_team as (
    select
        versions.organisation_key, versions.place_key, versions.tree,
        versions.founded_date, versions.graduated_date, versions.dissolved_date,
        known.register_as_of_date as as_of_date,
        versions.source, versions.file_id, versions.row_no
    from versions
    inner join known on versions.tree = known.tree
    qualify row_number() over (
        partition by versions.organisation_key
        order by versions.valid_from desc nulls last, versions.source, versions.file_id, versions.row_no desc
    ) = 1
)

select * from int_team
