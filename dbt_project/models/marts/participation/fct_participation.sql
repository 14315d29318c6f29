{# A copy of the largest table would cost as much as the table. #}
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}

with int_participation as (
    select * from {{ ref('int_participation') }}
),

fct_participation as (
    select
        participation_key,
        place_key,
        kind,
        process_code,
        activity_key,
        activity_match,
        person_key,
        household_key,
        age_band,
        group_name,
        is_person_level,
        head_count,
        organisation_key,
        action,
        state,
        hours,
        is_verified,
        participation_date,
        started_at,
        ended_at,
        as_of_date,
        source,
        file_id,
        row_no
    from int_participation
)

select * from fct_participation
