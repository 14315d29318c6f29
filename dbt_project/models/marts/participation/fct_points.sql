with int_points as (
    select * from {{ ref('int_points') }}
),

fct_points as (
    select
        points_key,
        place_key,
        kind,
        process_code,
        account_key,
        points,
        rule_code,
        reference_key,
        item,
        quantity,
        posted_at,
        posted_date,
        as_of_date,
        source,
        file_id,
        row_no
    from int_points
)

select * from fct_points
