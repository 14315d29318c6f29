with rejected as (
    {{ union_rejected(['place', 'population', 'activity', 'case', 'survey', 'answer', 'money']) }}
),

quarantined as (
    select source, null::varchar as record, file_id, row_no, reason, column_name, raw_value
    from {{ source('ops', 'quarantine') }}
),

quality_rejected_row as (
    select source, 'staging' as stage, record, file_id, row_no, reason, null::varchar as column_name, null::varchar as raw_value
    from rejected
    union all
    select source, 'load' as stage, record, file_id, row_no, reason, column_name, raw_value
    from quarantined
)

select * from quality_rejected_row
