{# `2025-03-05T06:30:00Z` (with its offset), or a local time as people and platforms write it → timestamptz. #}
{% macro parse_instant(column) -%}
    coalesce(
        case when regexp_matches({{ clean_text(column) }}, '^[0-9]{4}-[0-9]{2}-[0-9]{2}T.*(Z|[+-][0-9]{2}:?[0-9]{2})$')
            then try_cast({{ clean_text(column) }} as {{ type_of('timestamptz') }}) end,
        {{ instant_at(parse_local_timestamp(column), '_time_zone') }}
    )
{%- endmacro %}

{# The kind that a word of seeds/kind.csv stands for (签到 → attendance): NULL when no kind of the record bears it. #}
{% macro kind_of_word(record, column) -%}
    {{ looked_up("(select " ~ map_of('name_zh', 'kind') ~ " from " ~ ref('kind') ~ " where record = '" ~ record ~ "')", clean_text(column)) }}
{%- endmacro %}

{# 是 → true, 否 → false. #}
{% macro yes_or_no(column) -%}
    case {{ clean_text(column) }} when '是' then true when '否' then false end
{%- endmacro %}

{# The place of a ledger that names town, community and estate in columns of their own: the most specific one and its parent. #}
{% macro named_place() -%}
    'qinghe_district' as tree,
        null::string as place_code,
        coalesce({{ clean_text('estate') }}, {{ clean_text('community') }}, {{ clean_text('town') }}) as place_name,
        case
            when {{ clean_text('estate') }} is not null then {{ clean_text('community') }}
            when {{ clean_text('community') }} is not null then {{ clean_text('town') }}
        end as parent_place_name
{%- endmacro %}
