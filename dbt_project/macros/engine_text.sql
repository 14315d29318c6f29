{# Text and regular expressions where the engines differ: DuckDB's are those of RE2, Spark's those of Java 17. Patterns keep to what
   both read; a replacement names its groups as \1. #}

{# The text with another one (an expression) wherever a pattern occurs. #}
{% macro replaced(text, pattern, replacement) -%}
    {{ return(adapter.dispatch('replaced')(text, pattern, replacement)) }}
{%- endmacro %}
{% macro default__replaced(text, pattern, replacement) -%}
    {{ return("regexp_replace(" ~ text ~ ", '" ~ pattern ~ "', " ~ replacement ~ ", 'g')") }}
{%- endmacro %}
{% macro spark__replaced(text, pattern, replacement) -%}
    {%- set its = modules.re.sub('\\\\([0-9])', '$\\1', replacement) -%}
    {{ return("regexp_replace(" ~ text ~ ", '" ~ pattern ~ "', " ~ its ~ ")") }}
{%- endmacro %}

{# Groups of a pattern as a struct, in the order of `names`. #}
{% macro matched_groups(text, pattern, names) -%} {{ return(adapter.dispatch('matched_groups')(text, pattern, names)) }} {%- endmacro %}
{% macro default__matched_groups(text, pattern, names) -%}
    {{ return("regexp_extract(" ~ text ~ ", '" ~ pattern ~ "', ['" ~ names | join("', '") ~ "'])") }}
{%- endmacro %}
{% macro spark__matched_groups(text, pattern, names) -%}
    named_struct({% for name in names %}'{{ name }}', regexp_extract({{ text }}, '{{ pattern }}', {{ loop.index }}){{ ", " if not loop.last }}{% endfor %})
{%- endmacro %}

{# In a pattern: a Chinese character; the edge of a word of ASCII characters. #}
{% macro han() -%} {{ return(adapter.dispatch('han')()) }} {%- endmacro %}
{% macro default__han() -%} {{ return('\\p{Han}') }} {%- endmacro %}
{% macro spark__han() -%} {{ return('\\p{IsHan}') }} {%- endmacro %}

{% macro word_edge() -%} {{ return(adapter.dispatch('word_edge')()) }} {%- endmacro %}
{% macro default__word_edge() -%} {{ return('\\b') }} {%- endmacro %}
{% macro spark__word_edge() -%}
    {{ return('(?:(?<![0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<=[0-9A-Za-z_])(?![0-9A-Za-z_]))') }}
{%- endmacro %}

{# Every second character of a text, from the first or the second one on. #}
{% macro every_second(text, first) -%} {{ return(adapter.dispatch('every_second')(text, first)) }} {%- endmacro %}
{% macro default__every_second(text, first) -%}
    {{ return("array_to_string(string_split(" ~ text ~ ", '')[" ~ first ~ ":-1:2], '')") }}
{%- endmacro %}
{% macro spark__every_second(text, first) -%}
    {{ return("array_join(filter(split(" ~ text ~ ", ''), (one, place) -> place % 2 = " ~ (first - 1) ~ "), '')") }}
{%- endmacro %}

{# A local time by the first of these notations that fits: dates with -, / (and seconds), . or 年月日. #}
{% macro read_local_timestamp(text) -%} {{ return(adapter.dispatch('read_local_timestamp')(text)) }} {%- endmacro %}
{% macro default__read_local_timestamp(text) -%}
    try_strptime(
        {{ text }},
        [
            '%Y-%m-%d %H:%M:%S', '%Y-%m-%d %H:%M', '%Y/%m/%d %H:%M:%S', '%Y/%m/%d %H:%M',
            '%Y-%m-%d', '%Y/%m/%d', '%Y.%m.%d', '%Y.%m.%d %H:%M', '%Y年%m月%d日', '%Y年%m月%d日 %H:%M', '%Y年%m月%d日%H:%M'
        ]
    )
{%- endmacro %}
{% macro spark__read_local_timestamp(text) -%}
    {%- set day = '[0-9]{4}SEPARATOR[0-9]{1,2}SEPARATOR[0-9]{1,2}' -%}
    {%- set minute = '[0-9]{1,2}:[0-9]{1,2}' -%}
    {%- set patterns = [
        day | replace('SEPARATOR', '-') ~ '(?: ' ~ minute ~ '(?::[0-9]{1,2})?)?',
        day | replace('SEPARATOR', '/') ~ '(?: ' ~ minute ~ '(?::[0-9]{1,2})?)?',
        day | replace('SEPARATOR', '[.]') ~ '(?: ' ~ minute ~ ')?',
        '[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日(?: ?' ~ minute ~ ')?',
    ] -%}
    try_cast(
        case when {{ text }} rlike '^(?:{{ patterns | join("|") }})$'
            then replace(replace(translate({{ text }}, '/.年月', '----'), '日', ' '), '  ', ' ') end
        as timestamp_ntz
    )
{%- endmacro %}

{# `15 Nov 2021 13:49:30` as a local time. #}
{% macro read_rfc_timestamp(text) -%} {{ return(adapter.dispatch('read_rfc_timestamp')(text)) }} {%- endmacro %}
{% macro default__read_rfc_timestamp(text) -%} {{ return("try_strptime(" ~ text ~ ", '%d %b %Y %H:%M:%S')") }} {%- endmacro %}
{% macro spark__read_rfc_timestamp(text) -%} {{ return("try_to_timestamp(" ~ text ~ ", 'd MMM yyyy HH:mm:ss')::timestamp_ntz") }} {%- endmacro %}

{% macro minutes(number) -%} {{ return(adapter.dispatch('minutes')(number)) }} {%- endmacro %}
{% macro default__minutes(number) -%} {{ return('to_minutes(' ~ number ~ ')') }} {%- endmacro %}
{% macro spark__minutes(number) -%} {{ return('make_dt_interval(0, 0, ' ~ number ~ ')') }} {%- endmacro %}

{# The parts of a text between separators, as a list. #}
{% macro parts_of(text, separator) -%} {{ return(adapter.dispatch('parts_of')(text, separator)) }} {%- endmacro %}
{% macro default__parts_of(text, separator) -%} {{ return("string_split(" ~ text ~ ", '" ~ separator ~ "')") }} {%- endmacro %}
{% macro spark__parts_of(text, separator) -%} {{ return("split(" ~ text ~ ", '\\Q" ~ separator ~ "\\E', -1)") }} {%- endmacro %}
