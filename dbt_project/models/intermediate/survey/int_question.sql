with staged as (
    {{ union_staging('question', {
        'question_code': 'string', 'question_text': 'string', 'dimension': 'string', 'scale_min': 'integer',
        'scale_max': 'integer', 'satisfied_codes': 'string', 'is_headline': 'boolean'
    }, optional={
        'topic': 'string'
    }) }}
),

int_question as (
    select
        _source || '.' || question_code as question_key,
        _source as source, question_code, question_text, dimension, topic, scale_min, scale_max, satisfied_codes, is_headline
    from staged
)

select * from int_question
