{{ config(severity = 'warn') }}

select records.process_code, records.record, records.kind, records.record_count
from {{ ref('int_process_record') }} as records
left join {{ ref('int_process_kind') }} as kinds
    on records.process_code = kinds.process_code and records.record = kinds.record and records.kind = kinds.kind
where kinds.kind is null
