{# What people typed into columns of plain numbers and dates, read as values. Each gives NULL where the text cannot be read:
   compare with the cleaned text (`unreadable`) to tell that from an empty cell. Prose (近38万元, 去年 5 月) is read by
   parsed_quantities and parsed_dates (docs/parsing.md). #}

{# Text without surrounding spaces (full-width ones too); empty is NULL. #}
{% macro clean_text(column) -%}
    nullif(trim({{ column }}, ' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(12288)), '')
{%- endmacro %}

{# `1,200.00`, `１２００`, `￥50` → decimal(18,2). #}
{% macro parse_number(column) -%}
    try_cast(
        regexp_replace({{ half_width(clean_text(column)) }}, '[,¥\s元人]', '', 'g')
        as decimal(18, 2)
    )
{%- endmacro %}

{# `2026-03-05 14:30`, `2026/3/5`, `2026.3.5`, `20260305`, `2026年3月5日` → timestamp in local time, without a zone. #}
{% macro parse_local_timestamp(column) -%}
    try_strptime(
        regexp_replace(
            regexp_replace({{ clean_text(column) }}, '\s+', ' ', 'g'), '^(\d{4})(\d\d)(\d\d)$', '\1-\2-\3'
        ),
        [
            '%Y-%m-%d %H:%M:%S', '%Y-%m-%d %H:%M', '%Y/%m/%d %H:%M:%S', '%Y/%m/%d %H:%M',
            '%Y-%m-%d', '%Y/%m/%d', '%Y.%m.%d', '%Y.%m.%d %H:%M', '%Y年%m月%d日', '%Y年%m月%d日 %H:%M', '%Y年%m月%d日%H:%M'
        ]
    )
{%- endmacro %}

{% macro unreadable(column, parsed) -%}
    ({{ clean_text(column) }} is not null and {{ parsed }} is null)
{%- endmacro %}

{# The first reason that holds, or NULL: `reject_reason([("condition", "reason_code"), …])`. #}
{% macro reject_reason(reasons) -%}
    case {% for condition, reason in reasons %}when {{ condition }} then '{{ reason }}' {% endfor %}end
{%- endmacro %}

{# The code that a word stands for, by the value map of the source: NULL when the map does not know the word. #}
{% macro mapped(column, value_map) -%}
    case {{ clean_text(column) }} {% for word, code in value_map.items() %}when '{{ word }}' then '{{ code }}' {% endfor %}end
{%- endmacro %}
