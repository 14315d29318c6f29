with staged as (
    {{ union_staging('survey', dict(place_columns(), **{
        'survey_id': 'varchar', 'kind': 'varchar', 'process_code': 'varchar', 'title': 'varchar', 'wave': 'varchar', 'method': 'varchar', 'opened_date': 'date',
        'closed_date': 'date', 'issued_count': 'bigint', 'returned_count': 'bigint'
    })) }}
),

int_survey as (
    select
        _source || ':' || survey_id as survey_key,
        place_key, place_match, place_name, parent_place_name,
        kind, process_code, title, wave, method, opened_date, closed_date, issued_count, returned_count,
        _source as source, _file_id as file_id, _row_no as row_no
    from {{ resolved_places('staged') }}
)

select * from int_survey
