with staged as (
    {{ union_staging('answer', dict(place_columns(), **{
        'survey_id': 'varchar', 'respondent_id': 'varchar', 'question_code': 'varchar', 'answer_text': 'varchar',
        'answer_number': 'integer', 'is_valid': 'boolean', 'is_satisfied': 'boolean'
    })) }}
),

-- An answer has no day of its own: its place is the one of that name when the wave closed.
dated as (
    select staged.*, surveys.closed_date
    from staged
    left join {{ ref('int_survey') }} as surveys on staged._source || ':' || staged.survey_id = surveys.survey_key
),

int_answer as (
    select
        _source || ':' || survey_id || ':' || respondent_id || ':' || question_code as answer_key,
        _source || ':' || survey_id as survey_key,
        _source || '.' || question_code as question_key,
        _source || ':' || survey_id || ':' || respondent_id as respondent_key,
        place_key, place_match, place_name, parent_place_name,
        answer_text, answer_number, is_valid, is_satisfied,
        _source as source, _file_id as file_id, _row_no as row_no
    from {{ resolved_places('dated', 'closed_date') }}
)

select * from int_answer
