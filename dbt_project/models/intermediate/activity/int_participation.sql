{# Made again by files. #}
{{ config(meta={'parts': {'are': 'file_id', 'records': ['participation']}}) }}

with records as (
    {{ union_staging('participation', dict(place_columns(), **{
        'participation_id': 'varchar', 'kind': 'varchar', 'process_code': 'varchar', 'activity_source': 'varchar',
        'activity_id': 'varchar', 'person_key': 'varchar', 'group_name': 'varchar', 'head_count': 'bigint',
        'organisation_id': 'varchar', 'action': 'varchar', 'state': 'varchar', 'hours': 'decimal(8,2)',
        'is_verified': 'boolean', 'participation_date': 'date', 'started_at': 'timestamptz', 'ended_at': 'timestamptz'
    }), optional={
        'household_key': 'varchar', 'age_band': 'varchar'
    }) }}
),

staged as (
    select * from records where {{ is_in_a_touched_part('_file_id') }}
),

-- Grouped and joined, not told by a window: that would carry all columns of the largest record of all.
known as (
    select
        _source, _as_of_group,
        {{ known_date(instant_at("(max(participation_date) + 1)::timestamp", "_time_zone")) }} as as_of_date
    from staged
    group by _source, _as_of_group, _time_zone
),

activities as (
    select activity_key, place_key from {{ ref('int_activity') }}
),

-- A sign-in sheet without a place belongs to the place of its activity; one whose activity nobody lists still counts.
int_participation as (
    select
        placed._source || ':' || placed.participation_id as participation_key,
        case when placed.names_no_place then coalesce(activities.place_key, placed.place_key)
            else placed.place_key end as place_key,
        case when placed.names_no_place and activities.place_key is not null then 'activity'
            else placed.place_match end as place_match,
        placed.place_name, placed.parent_place_name,
        placed.kind, placed.process_code,
        activities.activity_key,
        case
            when placed.activity_id is null then 'none'
            when activities.activity_key is null then 'unknown'
            else 'known'
        end as activity_match,
        placed.person_key, placed.household_key, placed.age_band, placed.group_name,
        placed.person_key is not null as is_person_level,
        case when placed.person_key is not null then 1 else placed.head_count end as head_count,
        placed.tree || ':' || placed.organisation_id as organisation_key,
        placed.action, placed.state, placed.hours, placed.is_verified,
        placed.participation_date, placed.started_at, placed.ended_at,
        known.as_of_date,
        placed._source as source, placed._file_id as file_id, placed._row_no as row_no
    from (
        select
            *, coalesce(place_code, place_name, parent_place_name) is null as names_no_place
        from {{ resolved_places('staged', 'participation_date') }}
    ) as placed
    inner join known on placed._source = known._source and placed._as_of_group = known._as_of_group
    left join activities on coalesce(placed.activity_source, placed._source) || ':' || placed.activity_id = activities.activity_key
)

select * from int_participation
