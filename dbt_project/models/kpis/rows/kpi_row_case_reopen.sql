-- Only where the life-cycle knows reopening, and only when the 30 days were watched: elsewhere nothing is known.
with kpi_row_case_reopen as (
    select
        cases.place_key, date_trunc('month', history.first_resolved_date)::date as period_month, cases.category, cases.kind,
        null::string as currency,
        1 as cases_watched_for_reopening,
        coalesce(epoch_us(history.reopened_at) - epoch_us(history.first_resolved_at) <= 30 * 86400e6, false)::integer
            as cases_reopened,
        cases.as_of_date, cases.source, cases.file_id, cases.row_no
    from {{ ref('fct_case') }} as cases
    inner join {{ ref('int_case_history') }} as history on cases.case_key = history.case_key
    where epoch_us(cases.observed_until_at) - epoch_us(history.first_resolved_at) >= 30 * 86400e6
        and history.machine in (select machine from {{ ref('state_machine') }} where state = 'reopened')
)

select * from kpi_row_case_reopen
