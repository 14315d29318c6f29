{# What people typed into columns of plain numbers and dates, read as values. Each gives NULL where the text cannot be read:
   compare with the cleaned text (`unreadable`) to tell that from an empty cell. Prose (近38万元, 去年 5 月) is read by
   parsed_quantities and parsed_dates (docs/parsing.md). #}

{# Text without surrounding spaces (full-width ones too); empty is NULL. #}
{% macro clean_text(column) -%}
    nullif(trim(both '{{ " \t\n\r\u00a0\u3000" }}' from {{ column }}), '')
{%- endmacro %}

{# `1,200.00`, `１２００`, `￥50` → decimal(18,2). #}
{% macro parse_number(column) -%}
    try_cast({{ replaced(half_width(clean_text(column)), '[,¥\\s元人]', "''") }} as decimal(18, 2))
{%- endmacro %}

{# `2026-03-05 14:30`, `2026/3/5`, `2026.3.5`, `20260305`, `2026年3月5日` → timestamp in local time, without a zone. #}
{% macro parse_local_timestamp(column) -%}
    {{ read_local_timestamp(
        replaced(replaced(clean_text(column), '\\s+', "' '"), '^([0-9]{4})([0-9]{2})([0-9]{2})$', "'\\1-\\2-\\3'")
    ) }}
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
