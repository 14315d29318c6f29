{# Answers of a wide export, long: one row per respondent and declared question (columns with a `question` entry).

   Adds question_code, answer_text, answer_number, is_valid, is_satisfied. Texts that are neither a code of the question nor
   declared missing give answer_number NULL and is_unknown_answer. `relation`: delivered rows. #}
{% macro long_answers(source_name, relation) -%}
    {%- set questions = declared_questions(source_name) -%}
    {%- if not questions %}
    (select *, null::string as question_code, null::string as answer_text, null::integer as answer_number,
        false as is_valid, false as is_satisfied, false as is_unknown_answer from {{ relation }} where false)
    {%- else %}
    (
        with long as (
            select * from {{ relation }}
            unpivot include nulls (answer_text for question_code in ({{ questions | map(attribute="code") | join(", ") }}))
        ),
        coded as (
            select
                *,
                case question_code
                    {%- for question in questions %}
                    when '{{ question.code }}' then
                        {%- if question.codes is defined %}
                        case {{ clean_text('answer_text') }}
                            {% for word, code in question.codes.items() %}when '{{ word }}' then {{ code }} {% endfor %}end
                        {%- else %}
                        try_cast({{ clean_text('answer_text') }} as integer)
                        {%- endif -%}
                    {%- endfor %}
                end as code,
                case question_code
                    {%- for question in questions %}
                    when '{{ question.code }}' then
                        coalesce({{ clean_text('answer_text') }}, '') in (''{% for word in question.get("missing", []) %}, '{{ word }}'{% endfor %})
                    {%- endfor %}
                end as is_missing,
                case question_code
                    {%- for question in questions %}
                    when '{{ question.code }}' then {{ question.get("scale_min", 1) }}
                    {%- endfor %}
                end as scale_min,
                case question_code
                    {%- for question in questions %}
                    when '{{ question.code }}' then {{ question.get("scale_max", 5) }}
                    {%- endfor %}
                end as scale_max,
                case question_code
                    {%- for question in questions %}
                    when '{{ question.code }}' then {{ list_of(question.get("satisfied", [4, 5])) }}
                    {%- endfor %}
                end as satisfied_codes
            from long
        )
        select
            * {{ without('code, is_missing, scale_min, scale_max, satisfied_codes') }},
            case when not is_missing and code between scale_min and scale_max then code end as answer_number,
            not is_missing and coalesce(code between scale_min and scale_max, false) as is_valid,
            not is_missing and coalesce(array_contains(satisfied_codes, code), false) as is_satisfied,
            not is_missing and not coalesce(code between scale_min and scale_max, false) as is_unknown_answer
        from coded
    )
    {%- endif %}
{%- endmacro %}

{# The codebook of a source: one row per declared question. #}
{% macro codebook(source_name) -%}
    {%- for question in declared_questions(source_name) %}
    select
        '{{ question.code }}' as question_code, '{{ question.text | replace("'", "''") }}' as question_text,
        '{{ question.get("dimension", "satisfaction") }}' as dimension,
        {% if question.get("topic") %}'{{ question.topic }}'{% else %}null::string{% endif %} as topic,
        {{ question.get("scale_min", 1) }} as scale_min,
        {{ question.get("scale_max", 5) }} as scale_max, '{{ question.get("satisfied", [4, 5]) | join(",") }}' as satisfied_codes,
        {{ question.get("is_headline", false) }} as is_headline, null::string as _reject_reason, '{{ source_name }}' as _source,
        null::string as _file_id, null::bigint as _row_no, null::string as _time_zone, null::date as _file_as_of,
        null::string as _as_of_group
    {% if not loop.last %}union all{% endif %}
    {%- else %}
    select null::string as question_code, null::string as question_text, null::string as dimension, null::string as topic,
        null::integer as scale_min,
        null::integer as scale_max, null::string as satisfied_codes, null::boolean as is_headline,
        null::string as _reject_reason, null::string as _source, null::string as _file_id, null::bigint as _row_no,
        null::string as _time_zone, null::date as _file_as_of, null::string as _as_of_group
    where false
    {%- endfor %}
{%- endmacro %}
