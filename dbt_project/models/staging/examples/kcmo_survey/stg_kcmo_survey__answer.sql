with delivered as (
    select * from {{ delivered_rows('kcmo_survey') }}
),

waves as (
    select survey_id, _reject_reason as wave_reject_reason from {{ ref('stg_kcmo_survey__survey') }}
),

answers as (
    select * from {{ long_answers('kcmo_survey', 'delivered') }}
),

stg_kcmo_survey__answer as (
    select
        answers.wave as survey_id,
        respondent_no as respondent_id,
        question_code,
        'kansas_city' as tree,
        'district-' || {{ clean_text('council_district') }} as place_code,
        'Council district ' || {{ clean_text('council_district') }} as place_name,
        null::string as parent_place_name,
        answer_text,
        answer_number,
        is_valid,
        is_satisfied,
        {{ reject_reason([
            ('wave_reject_reason is not null', 'unreadable_wave'),
            ('is_unknown_answer', 'unknown_answer'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from answers
    inner join waves on answers.wave = waves.survey_id
)

select * from stg_kcmo_survey__answer
