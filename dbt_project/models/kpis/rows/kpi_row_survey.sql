-- Opt-in surveys and those whose issue nobody counted add nothing: where there are no others, there is no response rate.
with with_base as (
    select
        *,
        not is_opt_in and completed_count is not null as has_dispositions,
        not is_opt_in and issued_count is not null and returned_count is not null as has_issue
    from {{ ref('dim_survey') }}
),

kpi_row_survey as (
    select
        place_key, date_trunc('month', closed_date)::date as period_month, opened_date as wave_start, closed_date + 1 as wave_end,
        null::string as currency,
        case when has_dispositions then completed_count when has_issue then returned_count else 0 end as survey_responses,
        case
            when has_dispositions then {{ aapor_eligible_count() }}
            when has_issue then issued_count
            else 0
        end as survey_responses_due,
        case when returned_count is not null then valid_count end as questionnaires_valid,
        case when valid_count is not null then returned_count end as questionnaires_returned,
        closed_date as as_of_date, source, file_id, row_no
    from with_base
)

select * from kpi_row_survey
