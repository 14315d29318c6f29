with staged as (
    {{ union_staging('population', dict(place_columns(), **{
        'as_of_date': 'date', 'measure': 'varchar', 'process_code': 'varchar', 'value': 'decimal(18,2)', 'lower': 'decimal(18,2)',
        'upper': 'decimal(18,2)', 'approx': 'varchar'
    })) }}
),

int_population as (
    select
        _source || ':' || left(_file_id, 12) || ':' || _row_no || ':' || measure as population_key,
        place_key, place_match, place_name, parent_place_name, as_of_date, measure, process_code, value, lower, upper, approx,
        _source as source, _file_id as file_id, _row_no as row_no
    from {{ resolved_places('staged', 'as_of_date') }}
)

select * from int_population
