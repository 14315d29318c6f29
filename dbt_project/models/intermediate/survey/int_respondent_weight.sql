-- Codes of a question on age band or sex count through the measures of population in this order.
{% set bands = {
    'age_band': ['permanent_age_0_17', 'permanent_age_18_44', 'permanent_age_45_59', 'permanent_age_60_plus'],
    'sex': ['permanent_male', 'permanent_female'],
} %}

with surveys as (
    select * from {{ ref('int_survey') }}
),

respondents as (
    select
        answers.survey_key, answers.respondent_key,
        {% for dimension, measures in bands.items() -%}
        max(case when questions.dimension = '{{ dimension }}' and answers.is_valid
            then case answers.answer_number {% for measure in measures %}when {{ loop.index }} then '{{ measure }}' {% endfor %}end end) as {{ dimension }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('int_answer') }} as answers
    inner join {{ ref('int_question') }} as questions on answers.question_key = questions.question_key
    group by answers.survey_key, answers.respondent_key
),

-- The population of the survey's own place as it was known on the day it closed (rule 9).
margins as (
    select surveys.survey_key, population.measure, population.value
    from surveys
    inner join {{ ref('int_population') }} as population
        on surveys.place_key = population.place_key and population.as_of_date <= surveys.closed_date
        and population.place_match in ('code', 'name')
    where population.value is not null
    qualify row_number() over (
        partition by surveys.survey_key, population.measure
        order by population.as_of_date desc, population.source, population.file_id, population.row_no desc
    ) = 1
),

cells as (
    select
        respondents.survey_key, respondents.age_band as row_band, respondents.sex as column_band, count(*) as cell_count,
        any_value(row_margins.value) as row_target, any_value(column_margins.value) as column_target
    from respondents
    inner join margins as row_margins
        on respondents.survey_key = row_margins.survey_key and respondents.age_band = row_margins.measure
            and row_margins.value > 0
    inner join margins as column_margins
        on respondents.survey_key = column_margins.survey_key and respondents.sex = column_margins.measure
        and column_margins.value > 0
    group by respondents.survey_key, respondents.age_band, respondents.sex
),

raked as (
    select * from {{ raked('cells') }}
),

weights as (
    select * from {{ trimmed('raked') }}
),

int_respondent_weight as (
    select
        respondents.respondent_key,
        respondents.survey_key,
        respondents.age_band,
        respondents.sex,
        weights.weight is not null as is_raked,
        coalesce(weights.weight, 1)::decimal(18, 12) as weight
    from respondents
    left join weights
        on respondents.survey_key = weights.survey_key and respondents.age_band = weights.row_band
        and respondents.sex = weights.column_band
    where respondents.survey_key in (select survey_key from weights)
)

select * from int_respondent_weight
