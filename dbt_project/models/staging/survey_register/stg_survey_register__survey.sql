with delivered as (
    select * from {{ delivered_rows('survey_register') }}
    qualify row_number() over (partition by {{ clean_text('survey_no') }} order by _row_no) = 1
),

read as (
    select
        *,
        {{ kind_of_word('survey', 'kind') }} as kind_code,
        {{ parse_local_timestamp('opened_date') }}::date as opened_day,
        {{ parse_local_timestamp('closed_date') }}::date as closed_day
    from delivered
),

stg_survey_register__survey as (
    select
        {{ clean_text('survey_no') }} as survey_id,
        {{ named_place() }},
        kind_code as kind,
        {{ clean_text('process_code') }} as process_code,
        {{ clean_text('title') }} as title,
        {{ clean_text('wave') }} as wave,
        {{ mapped('method', {'线上': 'online', '纸质': 'paper', '入户': 'visit', '电话': 'telephone', '访谈': 'interview', '日志': 'diary'}) }}
            as method,
        opened_day as opened_date,
        closed_day as closed_date,
        issued_count, returned_count, valid_count,
        completed_count, partial_count, refusal_count, noncontact_count, other_count, unknown_household_count,
        unknown_other_count,
        {{ yes_or_no('opt_in') }} as is_opt_in,
        {{ reject_reason([
            ('kind_code is null', 'unknown_kind'),
            ('opened_day is null', 'unreadable_opened_date'),
            ('closed_day is null', 'unreadable_closed_date'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_survey_register__survey
