with delivered as (
    select * from {{ delivered_rows('open_repair') }}
),

programme as (
    select
        'programme' as place_code, {{ clean_text('data_provider') }} as place_name, 'programme' as place_level,
        null::string as parent_place_code, {{ provenance() }}
    from delivered
    qualify row_number() over (order by _row_no) = 1
),

countries as (
    select
        {{ clean_text('country') }} as place_code, {{ clean_text('country') }} as place_name, 'country' as place_level,
        'programme' as parent_place_code, {{ provenance() }}
    from delivered
    where {{ clean_text('country') }} is not null
    qualify row_number() over (partition by {{ clean_text('country') }} order by _row_no) = 1
),

places as (
    select * from programme
    union all
    select * from countries
),

stg_open_repair__place as (
    select
        'restart_project' as tree, place_code, place_name, place_name as place_name_en, place_level, parent_place_code,
        null::string as process_code, null::date as valid_from, null::date as valid_to,
        {{ reject_reason([('place_name is null', 'missing_place_name')]) }} as _reject_reason,
        {{ provenance() }}
    from places
)

select * from stg_open_repair__place
