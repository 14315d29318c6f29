{%- set days = ['founded_date', 'admitted_date', 'graduated_date', 'dissolved_date', 'valid_from', 'valid_to'] -%}
with delivered as (
    select * from {{ delivered_rows('organisation_register') }}
),

read as (
    select
        *,
        {% for day in days -%}
        {{ parse_local_timestamp(day) }}::date as {{ day }}_read,
        {% endfor -%}
        {{ kind_of_word('organisation', 'kind') }} as kind_code
    from delivered
),

stg_organisation_register__organisation as (
    select
        {{ clean_text('organisation_no') }} as organisation_id,
        kind_code as kind,
        {{ clean_text('process_code') }} as process_code,
        {{ named_place() }},
        {{ clean_text('name') }} as organisation_name,
        {{ clean_text('parent_no') }} as parent_organisation_id,
        member_count,
        party_member_count,
        {% for day in days -%}
        {{ day }}_read as {{ day }},
        {% endfor -%}
        {%- set reasons = [('kind_code is null', 'unknown_kind')] -%}
        {%- for day in days -%}{%- do reasons.append((unreadable(day, day ~ '_read'), 'unreadable_' ~ day)) -%}{%- endfor -%}
        {{ reject_reason(reasons) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_organisation_register__organisation
