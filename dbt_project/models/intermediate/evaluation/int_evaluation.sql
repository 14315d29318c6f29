with staged as (
    {{ union_staging('evaluation', dict(place_columns(), **{
        'evaluation_id': 'varchar', 'kind': 'varchar', 'process_code': 'varchar', 'round': 'varchar',
        'subject_type': 'varchar', 'subject_key': 'varchar', 'evaluator_type': 'varchar', 'dimension': 'varchar',
        'score': 'decimal(18,4)', 'scale_min': 'decimal(18,4)', 'scale_max': 'decimal(18,4)', 'grade': 'varchar',
        'rank': 'integer', 'is_passed': 'boolean', 'evaluated_date': 'date'
    })) }}
),

int_evaluation as (
    select
        _source || ':' || evaluation_id as evaluation_key,
        place_key, place_match, place_name, parent_place_name,
        kind, process_code, round, subject_type, subject_key, evaluator_type, dimension,
        score, scale_min, scale_max, grade, rank, is_passed, evaluated_date,
        {{ as_of_date(observed_until(instant_at("(evaluated_date + 1)::timestamp", "_time_zone"))) }} as as_of_date,
        _source as source, _file_id as file_id, _row_no as row_no
    from {{ resolved_places('staged', 'evaluated_date') }}
)

select * from int_evaluation
