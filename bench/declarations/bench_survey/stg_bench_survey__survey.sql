with delivered as (
    select * from {{ delivered_rows('bench_survey') }}
),

stg_bench_survey__survey as (
    select
        strftime(_file_as_of, '%Y-%m') as survey_id,
        'qinghe_district' as tree,
        null::varchar as place_code,
        '青禾区' as place_name,
        null::varchar as parent_place_name,
        'questionnaire' as kind,
        null::varchar as process_code,
        '居民满意度问卷' as title,
        strftime(_file_as_of, '%Y-%m') as wave,
        'online' as method,
        min(submitted_at)::date as opened_date,
        max(submitted_at)::date as closed_date,
        null::bigint as issued_count,
        count(*) as returned_count,
        true as is_opt_in,
        null::varchar as _reject_reason,
        _source, _file_id, min(_row_no) as _row_no, _time_zone, _file_as_of, _as_of_group
    from delivered
    group by all
)

select * from stg_bench_survey__survey
