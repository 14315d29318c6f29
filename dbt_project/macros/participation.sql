{# Somebody took part: said of a row of participation by its state. #}
{% macro is_present(rows_alias) -%}
    {{ rows_alias }}.state in ('attended', 'recorded', 'points_posted', 'redeemed', 'completed')
{%- endmacro %}

{# What one does as a participant. #}
{% macro qualifying_actions() -%}
    {{ return(['attend', 'volunteer', 'vote', 'propose', 'deliberate', 'donate']) }}
{%- endmacro %}

{# What makes a person a participant (P03): being there, and doing one of these. #}
{% macro is_qualifying(rows_alias) -%}
    ({{ rows_alias }}.person_key is not null and {{ is_present(rows_alias) }}
        and {{ rows_alias }}.action in ('{{ qualifying_actions() | join("', '") }}'))
{%- endmacro %}

{# A person on a volunteer shift, verified or not. #}
{% macro is_volunteering(rows_alias) -%}
    ({{ rows_alias }}.person_key is not null and {{ is_present(rows_alias) }} and {{ rows_alias }}.action = 'volunteer')
{%- endmacro %}

{# What a person did, as a number that bit_or adds up: one bit for each qualifying action. #}
{% macro action_bit(action) -%}
    case {{ action }} {% for name in qualifying_actions() %}when '{{ name }}' then {{ 2 ** loop.index0 }} {% endfor %}end
{%- endmacro %}
{% macro did(bits, action) -%}
    ({{ bits }} & {{ 2 ** qualifying_actions().index(action) }}) > 0
{%- endmacro %}

{# int_participation, where a person is known, with numbers in place of the keys of place and person. #}
{% macro participations_by_number() -%}
    (
        select
            participation.*, places.place_number, people.person_number, people.first_date, people.steady_age_band
        from {{ ref('int_participation') }} as participation
        inner join {{ ref('int_place') }} as places on participation.place_key = places.place_key
        inner join {{ ref('int_person') }} as people
            on places.tree = people.tree and participation.person_key = people.person_key
    )
{%- endmacro %}

{% macro int_participation__parts() -%} {{ files_of_records(['participation']) }} {%- endmacro %}
