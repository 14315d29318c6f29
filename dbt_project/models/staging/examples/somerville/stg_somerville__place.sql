with delivered as (
    select * from {{ delivered_rows('somerville') }}
),

stg_somerville__place as (
    select
        'somerville' as tree, 'city' as place_code, 'Somerville' as place_name, 'Somerville' as place_name_en,
        'city' as place_level, null::string as parent_place_code, null::string as process_code,
        null::date as valid_from, null::date as valid_to, null::string as _reject_reason,
        {{ provenance() }}
    from delivered
    qualify row_number() over (order by _file_as_of desc, _row_no) = 1
)

select * from stg_somerville__place
