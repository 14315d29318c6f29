with staged as (
    {{ union_staging('survey', dict(place_columns(), **{
        'survey_id': 'varchar', 'kind': 'varchar', 'process_code': 'varchar', 'title': 'varchar', 'wave': 'varchar',
        'method': 'varchar', 'opened_date': 'date',
        'closed_date': 'date', 'issued_count': 'bigint', 'returned_count': 'bigint'
    }), optional={
        'is_opt_in': 'boolean', 'valid_count': 'bigint', 'completed_count': 'bigint',
        'partial_count': 'bigint', 'refusal_count': 'bigint', 'noncontact_count': 'bigint',
        'other_count': 'bigint', 'unknown_household_count': 'bigint', 'unknown_other_count': 'bigint'
    }) }}
),

int_survey as (
    select
        _source || ':' || survey_id as survey_key,
        place_key, place_match, place_name, parent_place_name,
        kind, process_code, title, wave, method, opened_date, closed_date, issued_count, returned_count,
        valid_count, coalesce(is_opt_in, false) as is_opt_in, completed_count, partial_count, refusal_count, noncontact_count,
        other_count, unknown_household_count, unknown_other_count,
        _source as source, _file_id as file_id, _row_no as row_no
    from {{ resolved_places('staged', 'closed_date') }}
)

select * from int_survey
