with dim_place_change as (
    select
        place_change_key, change_id, tree, change_type, old_place_key, old_place_name, new_place_key, new_place_name,
        effective_date, document_no, source, file_id, row_no
    from {{ ref('int_place_change') }}
)

select * from dim_place_change
