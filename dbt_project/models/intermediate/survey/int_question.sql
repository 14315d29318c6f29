with staged as (
    {{ union_staging('question', {
        'question_code': 'varchar', 'question_text': 'varchar', 'dimension': 'varchar', 'scale_min': 'integer',
        'scale_max': 'integer', 'satisfied_codes': 'varchar', 'is_headline': 'boolean'
    }, optional={
        'topic': 'varchar'
    }) }}
),

int_question as (
    select
        _source || '.' || question_code as question_key,
        _source as source, question_code, question_text, dimension, topic, scale_min, scale_max, satisfied_codes, is_headline
    from staged
)

select * from int_question
