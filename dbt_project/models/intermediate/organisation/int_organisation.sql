with staged as (
    {{ union_staging('organisation', dict(place_columns(), **{
        'organisation_id': 'varchar', 'kind': 'varchar', 'process_code': 'varchar', 'organisation_name': 'varchar',
        'parent_organisation_id': 'varchar', 'member_count': 'bigint', 'party_member_count': 'bigint',
        'valid_from': 'date', 'valid_to': 'date'
    }), optional={
        'founded_date': 'date', 'admitted_date': 'date', 'graduated_date': 'date',
        'dissolved_date': 'date'
    }) }}
),

-- An organisation belongs to a tree, like a place, so that sources can name one that another source registers.
int_organisation as (
    select
        tree || ':' || organisation_id || coalesce('@' || valid_from, '') as organisation_version_key,
        tree || ':' || organisation_id as organisation_key,
        place_key, place_match, place_name, parent_place_name,
        kind, process_code, organisation_name,
        tree || ':' || parent_organisation_id as parent_organisation_key,
        member_count, party_member_count, founded_date, admitted_date, graduated_date, dissolved_date, valid_from, valid_to,
        {{ as_of_date(observed_until(instant_at("valid_from::timestamp", "_time_zone"))) }} as as_of_date,
        _source as source, _file_id as file_id, _row_no as row_no
    from {{ resolved_places('staged', 'valid_from') }}
)

select * from int_organisation
