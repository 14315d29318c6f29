with int_survey as (
    select * from {{ ref('int_survey') }}
),

dim_survey as (
    select
        survey_key,
        place_key,
        kind,
        process_code,
        title,
        wave,
        method,
        opened_date,
        closed_date,
        issued_count,
        returned_count,
        valid_count,
        is_opt_in,
        completed_count,
        partial_count,
        refusal_count,
        noncontact_count,
        other_count,
        unknown_household_count,
        unknown_other_count,
        source,
        file_id,
        row_no
    from int_survey
)

select * from dim_survey
