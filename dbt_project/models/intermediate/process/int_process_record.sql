{# Facts that carry process_code and a kind: record → (model, kind column, moment that a row is about). #}
{% set dated = {
    'population': ('fct_population', 'measure', 'as_of_date'),
    'activity': ('fct_activity', 'kind', 'activity_date'),
    'participation': ('fct_participation', 'kind', 'participation_date'),
    'case': ('fct_case', 'kind', 'opened_date'),
    'vote': ('fct_vote', 'kind', 'vote_date'),
    'points': ('fct_points', 'kind', 'posted_date'),
    'survey': ('dim_survey', 'kind', 'closed_date'),
    'evaluation': ('fct_evaluation', 'kind', 'evaluated_date'),
    'money': ('fct_money', 'kind', 'money_date'),
    'figure': ('fct_figure', 'kind', 'as_of_date'),
    'organisation': ('dim_organisation', 'kind', 'as_of_date'),
    'role': ('fct_role', 'kind', 'as_of_date'),
} %}

with facts as (
    {% for record, (model, kind, date) in dated.items() -%}
    select process_code, '{{ record }}' as record, {{ kind }} as kind, place_key, {{ date }} as seen_date
    from {{ ref(model) }}
    union all
    {% endfor -%}
    select cases.process_code, 'case_event' as record, cases.kind, cases.place_key, events.occurred_date as seen_date
    from {{ ref('fct_case_event') }} as events
    inner join {{ ref('fct_case') }} as cases on events.case_key = cases.case_key
    union all
    select surveys.process_code, 'answer' as record, surveys.kind, answers.place_key, surveys.closed_date as seen_date
    from {{ ref('fct_answer') }} as answers
    inner join {{ ref('dim_survey') }} as surveys on answers.survey_key = surveys.survey_key
    union all
    -- A register is seen when it arrives.
    select places.process_code, 'place' as record, places.place_level as kind, places.place_key,
        files.retrieved_at::date as seen_date
    from {{ ref('int_place') }} as places
    left join {{ source('ops', 'file') }} as files on places.file_id = files.file_id and places.source = files.source
),

int_process_record as (
    select
        facts.process_code, facts.record, facts.kind,
        count(*) as record_count,
        max({{ instant_at('facts.seen_date::timestamp', 'places.time_zone') }}) as last_seen_at
    from facts
    inner join {{ ref('int_place') }} as places on facts.place_key = places.place_key
    where facts.process_code is not null
    group by facts.process_code, facts.record, facts.kind
)

select * from int_process_record
