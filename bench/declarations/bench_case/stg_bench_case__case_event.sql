with delivered as (
    select * from {{ delivered_rows('bench_case') }} where _layout = 'events'
),

stg_bench_case__case_event as (
    select
        {{ clean_text('case_no') }} as case_id,
        lower({{ clean_text('state') }}) as state,
        "at" at time zone _time_zone as occurred_at,
        {{ reject_reason([('"at" is null', 'no_time')]) }} as _reject_reason,
        {{ provenance() }}
    from delivered
)

select * from stg_bench_case__case_event
