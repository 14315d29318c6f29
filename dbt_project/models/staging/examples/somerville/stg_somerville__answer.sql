with delivered as (
    select * from {{ delivered_rows('somerville') }}
),

answers as (
    select * from {{ long_answers('somerville', 'delivered') }}
),

stg_somerville__answer as (
    select
        coalesce(year(_file_as_of)::string, 'unknown') as survey_id,
        _row_no::string as respondent_id,         -- nothing numbers the respondents; one file counts per wave
        question_code,
        'somerville' as tree,
        'city' as place_code,
        'Somerville' as place_name,
        null::string as parent_place_name,
        answer_text,
        answer_number,
        is_valid,
        is_satisfied,
        {{ reject_reason([
            ('_file_as_of is null', 'no_year_in_file_name'),
            ('is_unknown_answer', 'unknown_answer'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from answers
)

select * from stg_somerville__answer
