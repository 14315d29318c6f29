with int_role as (
    select * from {{ ref('int_role') }}
),

fct_role as (
    select
        role_key,
        place_key,
        kind,
        process_code,
        person_key,
        is_vacant,
        organisation_key,
        post,
        grade,
        appointed_by,
        valid_from,
        valid_to,
        as_of_date,
        source,
        file_id,
        row_no
    from int_role
)

select * from fct_role
