with processes as (
    select * from {{ ref('process_catalogue') }}
),

expected as (
    select
        kinds.process_code,
        {{ distinct_text('kinds.record', '|') }} as records,
        {{ distinct_text('kinds.machine', '|') }} as machines,
        coalesce(sum(counted.record_count), 0)::bigint as record_count,
        max(counted.last_seen_at) as last_seen_at,
        {{ distinct_text('kinds.record', '|', 'counted.record_count is null') }} as missing_records
    from {{ ref('int_process_kind') }} as kinds
    left join {{ ref('int_process_record') }} as counted
        on kinds.process_code = counted.process_code and kinds.record = counted.record and kinds.kind = counted.kind
    group by kinds.process_code
),

-- R01.raised and R01.open are both R01.
computed as (
    select distinct split_part(metric_code, '.', 1) as metric_code
    from {{ ref('kpi_value') }}
),

metrics as (
    select
        owed.process_code,
        count(*) as metrics_owed,
        count(computed.metric_code) as metric_count
    from {{ ref('int_process_metric') }} as owed
    left join computed on owed.metric_code = computed.metric_code
    group by owed.process_code
),

process_coverage as (
    select
        processes.process_code,
        processes.family,
        processes.name_zh,
        processes.name_en,
        expected.records,
        processes.kinds,
        expected.machines,
        processes.cadence,
        processes.metrics,
        processes.published_in,
        expected.record_count,
        expected.missing_records,
        expected.last_seen_at,
        metrics.metric_count,
        metrics.metrics_owed
    from processes
    left join expected on processes.process_code = expected.process_code
    left join metrics on processes.process_code = metrics.process_code
)

select * from process_coverage
