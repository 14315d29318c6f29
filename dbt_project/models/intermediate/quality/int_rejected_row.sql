{# Made again by files. #}
{{ config(meta={'parts': {'are': 'file_id', 'records': staged_records()}}) }}

with rejected as (
    {{ union_rejected(staged_records()) }}
),

int_rejected_row as (
    select source, record, file_id, row_no, reason from rejected where {{ is_in_a_touched_part('file_id') }}
)

select * from int_rejected_row
