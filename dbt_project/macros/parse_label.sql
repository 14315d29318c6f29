{# Numbers that count nothing: names, structure rules, addresses, buildings, ordinals, dates.

   `want` is 'kind' (the first that fits, or NULL) or 'cut' (the text without any of them). #}
{% macro labels(want, text) -%}
    {%- set numerals = "0-9" ~ numeral_digits() ~ numeral_scales() -%}
    {%- set patterns = [
        ("name", '[“「『‘《][^”」』’》]*(?:[”」』’》]|$)|"[^"]*(?:"|$)'),
        ("structure", '[0-9]+(?:\\+[0-9]+)*\\+[Nn]'),
        ("name", '[0-9]+(?:\\+[0-9]+)*\\+[A-Za-z]+|[0-9]+(?:\\+[0-9]+)*(?:工作法|模式|机制|体系|热线)|[A-Z]+[0-9]+'),
        ("name", word_edge() ~ '1[3-9][0-9]{9}' ~ word_edge() ~ '|' ~ word_edge() ~ '0[0-9]{2,3}-?[0-9]{7,8}' ~ word_edge() ~ '|^0[0-9]+$'),
        ("date", '[0-9]{4}(?:-+[0-9]{4})?年(?:[0-9]{1,2}月(?:[0-9]{1,2}[日号])?)?|[0-9]{1,2}月(?:[0-9]{1,2}[日号])?'),
        ("date", word_edge() ~ '[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}' ~ word_edge() ~ '|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?|[午上晨][0-9]{1,2}[点时](?:半|[0-9]{1,2}分)?'),
        ("building", '[东南西北]面[0-9]+(?:号楼|[栋幢])|[0-9]+(?:号楼|[栋幢])(?:楼?[下前后旁]|楼道|[0-9一二三四五六七八九]*单元|居民楼)|[0-9]+号楼'),
        ("place", '(?:' ~ han() ~ '{1,8}[路街巷道弄里段])?[0-9]+号(?:院|门|附[0-9]+号)?'),
        ("ordinal", '第[' ~ numerals ~ ']+' ~ han() ~ '?'),
    ] -%}
    {%- if want == "kind" -%}
        case
            -- Most texts have none of these characters: one look saves nine.
            when not regexp_matches({{ text }}, '[“「『‘《"+A-Z年月号栋幢第/:点时-]|[0-9]{10}|^0[0-9]|工作法|模式|机制|体系|热线') then null
            {%- for kind, pattern in patterns %}
            when regexp_matches({{ text }}, '{{ pattern }}') then '{{ kind }}'
            {%- endfor %}
        end
    {%- else -%}
        {{ replaced(text, patterns | map(attribute=1) | join("|"), "''") }}
    {%- endif -%}
{%- endmacro %}
