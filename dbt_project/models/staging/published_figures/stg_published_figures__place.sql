with delivered as (
    select * from {{ delivered_rows('published_figures') }}
),

-- The publications are about many parts of the country; none belongs to the demonstration district.
places as (
    select
        'all' as place_code, '公开报道' as place_name, 'Published reports' as place_name_en, 'publications' as place_level,
        null::string as parent_place_code, {{ provenance() }}
    from delivered
    qualify row_number() over (order by _row_no) = 1
    union all
    select
        {{ clean_text('place') }}, {{ clean_text('place') }}, {{ clean_text('place_en') }}, 'reported_place', 'all',
        {{ provenance() }}
    from delivered
    where {{ clean_text('place') }} is not null
    qualify row_number() over (partition by {{ clean_text('place') }} order by _row_no) = 1
),

stg_published_figures__place as (
    select
        'published_places' as tree, place_code, place_name, place_name_en, place_level, parent_place_code,
        null::string as process_code, null::date as valid_from, null::date as valid_to, null::string as _reject_reason,
        {{ provenance() }}
    from places
)

select * from stg_published_figures__place
