with rejected as (
    select * from {{ ref('int_rejected_row') }}
),

quarantined as (
    select source, null::string as record, file_id, row_no, reason, column_name
    from {{ source('ops', 'quarantine') }}
),

quality_rejected_row as (
    select source, 'staging' as stage, record, file_id, row_no, reason, null::string as column_name
    from rejected
    union all
    select source, 'load' as stage, record, file_id, row_no, reason, column_name
    from quarantined
)

select * from quality_rejected_row
