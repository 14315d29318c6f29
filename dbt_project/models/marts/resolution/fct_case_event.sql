with int_case_event as (
    select * from {{ ref('int_case_event') }}
),

fct_case_event as (
    select
        case_event_key,
        case_key,
        state,
        occurred_at,
        occurred_date,
        source,
        file_id,
        row_no
    from int_case_event
)

select * from fct_case_event
