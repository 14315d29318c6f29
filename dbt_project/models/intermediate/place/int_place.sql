with int_place as (
    select
        place_key, row_number() over (order by place_key) as place_number, tree, place_code, place_name, place_name_en, place_level,
        process_code, parent_place_key, time_zone, is_unknown_member, source, file_id, row_no
    from {{ ref('int_place_version') }}
    where counts_to is null
)

select * from int_place
