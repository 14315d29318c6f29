with int_place_name as (
    select * from {{ place_names(ref('int_place'), ref('place_alias')) }}
)

select * from int_place_name
