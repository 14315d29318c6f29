with int_place_name as (
    select * from {{ place_names(ref('int_place_version'), ref('place_alias')) }}
)

select * from int_place_name
