with cases as (
    select
        cases.place_key, cases.opened_date, cases.as_of_date, cases.source, cases.file_id, cases.row_no,
        places.tree, history.machine, history.states
    from {{ ref('fct_case') }} as cases
    inner join {{ ref('int_case_history') }} as history on cases.case_key = history.case_key
    inner join {{ ref('int_place') }} as places on cases.place_key = places.place_key
    where history.machine is not null
),

-- What no case of the tree ever reached, its sources do not tell.
told as (
    select distinct tree, machine, {{ unnested('states') }} as state from cases
),

kpi_row_case_state as (
    select
        cases.place_key, date_trunc('month', cases.opened_date)::date as period_month,
        told.machine || '.' || told.state as state, null::string as currency,
        1 as cases_followed,
        array_contains(cases.states, told.state)::integer as cases_that_reached_state,
        cases.as_of_date, cases.source, cases.file_id, cases.row_no
    from cases
    inner join told on cases.tree = told.tree and cases.machine = told.machine
)

select * from kpi_row_case_state
