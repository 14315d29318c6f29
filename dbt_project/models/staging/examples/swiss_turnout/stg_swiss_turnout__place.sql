with delivered as (
    select * from {{ delivered_rows('swiss_turnout') }}
),

country as (
    select 'country' as place_code, 'Switzerland' as place_name, 'country' as place_level, null::string as parent_place_code,
        {{ provenance() }}
    from delivered
    qualify row_number() over (order by election_year desc, _row_no) = 1
),

cantons as (
    select
        'canton-' || {{ clean_text('canton_number') }} as place_code, {{ clean_text('canton') }} as place_name,
        'canton' as place_level, 'country' as parent_place_code,
        {{ provenance() }}
    from delivered
    qualify row_number() over (partition by {{ clean_text('canton_number') }} order by election_year desc, _row_no) = 1
),

-- A commune has the name of its latest election; one that was merged since has that of its last one.
communes as (
    select
        {{ clean_text('commune_number') }} as place_code, {{ clean_text('commune') }} as place_name, 'commune' as place_level,
        'canton-' || {{ clean_text('canton_number') }} as parent_place_code,
        {{ provenance() }}
    from delivered
    qualify row_number() over (partition by {{ clean_text('commune_number') }} order by election_year desc, _row_no) = 1
),

places as (
    select * from country
    union all
    select * from cantons
    union all
    select * from communes
),

stg_swiss_turnout__place as (
    select
        'switzerland' as tree, place_code, place_name, place_name as place_name_en, place_level, parent_place_code,
        null::string as process_code, null::date as valid_from, null::date as valid_to,
        {{ reject_reason([('place_name is null', 'missing_place_name')]) }} as _reject_reason,
        {{ provenance() }}
    from places
)

select * from stg_swiss_turnout__place
