with delivered as (
    select * from {{ delivered_rows('evaluation_sheet') }}
),

read as (
    select
        *,
        {{ kind_of_word('evaluation', 'kind') }} as kind_code,
        {{ parse_local_timestamp('evaluated_date') }}::date as evaluated_day,
        {{ mapped('subject_type', {'人员': 'person', '组织': 'organisation', '项目': 'project', '地方': 'place'}) }} as subject_type_code,
        {{ mapped('evaluator', {
            '自评': 'self', '主管部门': 'supervisor', '第三方': 'third_party', '居民': 'residents', '同行': 'peers'
        }) }} as evaluator_code
    from delivered
),

stg_evaluation_sheet__evaluation as (
    select
        {{ clean_text('evaluation_no') }} as evaluation_id,
        kind_code as kind,
        {{ clean_text('process_code') }} as process_code,
        {{ named_place() }},
        {{ clean_text('round') }} as round,
        subject_type_code as subject_type,
        coalesce(subject_person, {{ clean_text('subject_no') }}) as subject_key,
        evaluator_code as evaluator_type,
        {{ clean_text('dimension') }} as dimension,
        score, scale_min, scale_max,
        {{ clean_text('grade') }} as grade,
        rank,
        {{ yes_or_no('passed') }} as is_passed,
        evaluated_day as evaluated_date,
        {{ reject_reason([
            ('kind_code is null', 'unknown_kind'),
            ('evaluated_day is null', 'unreadable_date'),
            ('subject_type_code is null', 'unknown_subject_type'),
            (unreadable('evaluator', 'evaluator_code'), 'unknown_evaluator'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_evaluation_sheet__evaluation
