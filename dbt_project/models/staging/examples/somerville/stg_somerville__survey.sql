with delivered as (
    select * from {{ delivered_rows('somerville') }}
),

waves as (
    select
        count(*) as returned_count,
        _source, _file_id, min(_row_no) as _row_no, _time_zone, _file_as_of, _as_of_group
    from delivered
    group by _source, _file_id, _time_zone, _file_as_of, _as_of_group
),

stg_somerville__survey as (
    select
        coalesce(year(_file_as_of)::string, 'unknown') as survey_id,
        'somerville' as tree,
        'city' as place_code,
        'Somerville' as place_name,
        null::string as parent_place_name,
        'questionnaire' as kind,
        null::string as process_code,
        'Somerville Happiness Survey' as title,
        year(_file_as_of)::string as wave,
        null::string as method,
        date_trunc('year', _file_as_of)::date as opened_date,
        _file_as_of as closed_date,
        null::bigint as issued_count,
        returned_count,
        {{ reject_reason([('_file_as_of is null', 'no_year_in_file_name')]) }} as _reject_reason,
        {{ provenance() }}
    from waves
)

select * from stg_somerville__survey
