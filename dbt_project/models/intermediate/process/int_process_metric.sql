with processes as (
    select * from {{ ref('process_catalogue') }}
),

int_process_metric as (
    select process_code, {{ unnested(parts_of('metrics', '|')) }} as metric_code
    from processes
)

select * from int_process_metric
