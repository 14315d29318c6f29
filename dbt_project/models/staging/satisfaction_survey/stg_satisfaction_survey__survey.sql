with delivered as (
    select *, {{ parse_local_timestamp('submitted_at') }} as submitted_local
    from {{ delivered_rows('satisfaction_survey') }}
),

stg_satisfaction_survey__survey as (
    select
        strftime(_file_as_of, '%Y-%m') as survey_id,
        'qinghe_district' as tree,
        null as place_code,
        '青禾区' as place_name,
        null as parent_place_name,
        'questionnaire' as kind,
        'G01' as process_code,
        '居民满意度问卷' as title,
        strftime(_file_as_of, '%Y-%m') as wave,
        'online' as method,
        min(submitted_local)::date as opened_date,
        max(submitted_local)::date as closed_date,
        null::bigint as issued_count,
        count(*) as returned_count,
        true as is_opt_in,
        null::string as _reject_reason,
        _source, _file_id, min(_row_no) as _row_no, _time_zone, _file_as_of, _as_of_group
    from delivered
    group by all
)

select * from stg_satisfaction_survey__survey
