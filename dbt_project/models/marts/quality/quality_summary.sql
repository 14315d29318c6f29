with rejected as (
    select source, file_id, row_no from {{ ref('quality_rejected_row') }} where stage = 'staging'
),

batches as (
    select
        source,
        count(*) as files,
        count(*) filter (where status = 'blocked') as batches_blocked,
        sum(rows_in)::bigint as rows_in,
        sum(rows_loaded)::bigint as rows_loaded,
        sum(rows_quarantined)::bigint as rows_quarantined,
        sum(rows_skipped)::bigint as rows_skipped,
        max(loaded_at) as last_loaded_at
    from {{ source('ops', 'batch') }}
    group by source
),

latest_gates as (
    select
        batch.source,
        count(*) filter (where not gate_result.success and gate_result.severity = 'critical') as gate_critical_failed,
        count(*) filter (where not gate_result.success and gate_result.severity = 'warning') as gate_warning_failed
    from {{ source('ops', 'gate_result') }} as gate_result
    inner join {{ source('ops', 'batch') }} as batch on gate_result.batch_id = batch.batch_id
    where gate_result.gate = 'raw' and gate_result.superseded_at is null
    group by batch.source
),

rejected_by_source as (
    select source, count(distinct (file_id, row_no)) as rows_rejected_in_staging
    from rejected
    group by source
),

quality_summary as (
    select
        batches.source,
        batches.files,
        batches.batches_blocked,
        batches.rows_in,
        batches.rows_loaded,
        batches.rows_quarantined,
        batches.rows_skipped,
        coalesce(rejected_by_source.rows_rejected_in_staging, 0) as rows_rejected_in_staging,
        coalesce(latest_gates.gate_critical_failed, 0) as gate_critical_failed,
        coalesce(latest_gates.gate_warning_failed, 0) as gate_warning_failed,
        batches.last_loaded_at
    from batches
    left join rejected_by_source on batches.source = rejected_by_source.source
    left join latest_gates on batches.source = latest_gates.source
)

select * from quality_summary
