with delivered as (
    select * from {{ delivered_rows('kcmo_survey') }}
),

waves as (
    select
        wave,
        {{ distinct_text('lower(' ~ clean_text('method') ~ ')', ', ') }} as method,
        count(*) as returned_count,
        -- 1QSEP2021: fieldwork in September 2021.
        try_strptime('1 ' || wave[3:], '%d %b%Y')::date as opened_date,
        _source, _file_id, min(_row_no) as _row_no, _time_zone, _file_as_of, _as_of_group
    from delivered
    group by wave, _source, _file_id, _time_zone, _file_as_of, _as_of_group
),

stg_kcmo_survey__survey as (
    select
        wave as survey_id,
        'kansas_city' as tree,
        'city' as place_code,
        'Kansas City' as place_name,
        null::string as parent_place_name,
        'questionnaire' as kind,
        null::string as process_code,
        'Kansas City resident survey' as title,
        wave,
        method,
        opened_date,
        last_day(opened_date) as closed_date,
        null::bigint as issued_count,
        returned_count,
        {{ reject_reason([('opened_date is null', 'unreadable_wave')]) }} as _reject_reason,
        {{ provenance() }}
    from waves
)

select * from stg_kcmo_survey__survey
