with int_population as (
    select * from {{ ref('int_population') }}
),

fct_population as (
    select
        population_key,
        place_key,
        as_of_date,
        measure,
        process_code,
        value,
        lower,
        upper,
        approx,
        source,
        file_id,
        row_no
    from int_population
)

select * from fct_population
