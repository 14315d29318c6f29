with int_case as (
    select * from {{ ref('int_case') }}
),

fct_case as (
    select
        case_key,
        place_key,
        kind,
        process_code,
        category,
        channel,
        outcome,
        is_resolved,
        interval_status,
        state,
        due_date,
        response_due_at,
        first_response_at,
        activity_key,
        rating,
        rating_is_default,
        callback_state,
        callback_is_resolved,
        callback_is_satisfied,
        exclusion_reason,
        applicant_key,
        round_code,
        opened_at,
        opened_date,
        ended_at,
        ended_date,
        resolution_days,
        observed_days,
        observed_until_at,
        as_of_date,
        time_zone,
        source,
        file_id,
        row_no
    from int_case
)

select * from fct_case
