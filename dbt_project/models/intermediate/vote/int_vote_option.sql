with staged as (
    {{ union_staging('vote_option', {
        'vote_id': 'varchar', 'option_no': 'varchar', 'option_label': 'varchar', 'for_count': 'bigint',
        'against_count': 'bigint', 'abstain_count': 'bigint', 'for_area': 'decimal(18,2)', 'is_chosen': 'boolean'
    }) }}
),

int_vote_option as (
    select
        _source || ':' || vote_id || ':' || option_no as vote_option_key,
        _source || ':' || vote_id as vote_key,
        option_no, option_label, for_count, against_count, abstain_count, for_area, is_chosen,
        _source as source, _file_id as file_id, _row_no as row_no
    from staged
)

select * from int_vote_option
