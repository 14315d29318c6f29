{# All staged rows of a record that were not rejected, over every enabled source.

   The dbt variable `staging_models` (record → models) comes from the declarations by way of `gmw`; so a new source is one
   new folder, and no model names it.

   columns: {name: type} that every staging model of the record gives. optional: those that it may leave out; they are NULL
   then. #}
{% macro union_staging(record, columns, optional={}) -%}
    {{ _union_models(record, columns, optional, "_reject_reason is null") }}
{%- endmacro %}

{% macro int_rejected_row__parts() -%} {{ files_of_records(staged_records()) }} {%- endmacro %}

{# The records whose rejected rows are reported. Not case_event: a state change that cannot be read is rejected with its case. #}
{% macro staged_records() %}
    {{ return([
        'place', 'place_change', 'population', 'organisation', 'role', 'activity', 'participation', 'points', 'case', 'vote',
        'vote_option', 'survey', 'answer', 'evaluation', 'money', 'figure'
    ]) }}
{% endmacro %}

{% macro union_rejected(records) -%}
    {%- set selects = [] -%}
    {%- for record in records -%}
        {%- for model in var("staging_models", {}).get(record, []) -%}
            {%- do selects.append(
                "select _source as source, '" ~ record ~ "' as record, _file_id as file_id, _row_no as row_no, "
                ~ "_reject_reason as reason from " ~ ref(model) ~ " where _reject_reason is not null"
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if not selects -%}
        select null::string as source, null::string as record, null::string as file_id, null::bigint as row_no,
            null::string as reason where false
    {%- else -%}
        {{ selects | join("\nunion all\n") }}
    {%- endif -%}
{%- endmacro %}

{% macro _union_models(record, columns, optional, condition) -%}
    {%- set models = var("staging_models", {}).get(record, []) -%}
    {%- for model in models %}
    select
        {% for name, type in dict(columns, **optional).items() -%}
        cast({{ name }} as {{ type_of(type) }}) as {{ name }},
        {% endfor -%}
        _source, _file_id, _row_no, _time_zone, _file_as_of, _as_of_group
    from {% if optional -%}
    {{ with_optional(ref(model), (columns | list) + ['_reject_reason'] + provenance().split(', '), optional) }}
    {%- else %}{{ ref(model) }}{% endif %}
    where {{ condition }}
    {% if not loop.last %}union all{% endif -%}
    {%- else %}
    select
        {% for name, type in dict(columns, **optional).items() -%}
        cast(null as {{ type_of(type) }}) as {{ name }},
        {% endfor -%}
        cast(null as string) as _source, cast(null as string) as _file_id, cast(null as bigint) as _row_no,
        cast(null as string) as _time_zone, cast(null as date) as _file_as_of, cast(null as string) as _as_of_group
    where false
    {%- endfor -%}
{%- endmacro %}

{# The provenance that every staging model hands on. #}
{% macro provenance() -%}
    _source, _file_id, _row_no, _time_zone, _file_as_of, _as_of_group
{%- endmacro %}
