{# What the engines spell differently, each once: DuckDB (the default of each macro) and Spark. What one spelling says to both is
   written in the models, and scalar functions that only Spark lacks are functions of its catalogue (engine_spark.sql).
   docs/scaling.md tells how to choose an engine, docs/decisions/0029-spark.md why it is done this way. #}

{# A type by the name that declarations and records give it. `timestamp` is the local time of a clock on both engines, `string` is
   varchar on both. #}
{% macro type_of(name) -%} {{ return(adapter.dispatch('type_of')(name)) }} {%- endmacro %}
{% macro default__type_of(name) -%} {{ return(name) }} {%- endmacro %}
{% macro spark__type_of(name) -%}
    {{ return({'varchar': 'string', 'timestamptz': 'timestamp_ltz'}.get(name, name)) }}
{%- endmacro %}

{# The moment at which the clocks of a zone show a local time, and the other way round. #}
{% macro instant_at(local_time, zone) -%} {{ return(adapter.dispatch('instant_at')(local_time, zone)) }} {%- endmacro %}
{% macro default__instant_at(local_time, zone) -%}
    {{ return('((' ~ local_time ~ ') at time zone ' ~ zone ~ ')') }}
{%- endmacro %}
{% macro spark__instant_at(local_time, zone) -%}
    {{ return('to_utc_timestamp(cast(' ~ local_time ~ ' as timestamp_ltz), ' ~ zone ~ ')::timestamp_ltz') }}
{%- endmacro %}

{% macro local_at(instant, zone) -%} {{ return(adapter.dispatch('local_at')(instant, zone)) }} {%- endmacro %}
{% macro default__local_at(instant, zone) -%}
    {{ return('((' ~ instant ~ ') at time zone ' ~ zone ~ ')') }}
{%- endmacro %}
{% macro spark__local_at(instant, zone) -%}
    {{ return('from_utc_timestamp(' ~ instant ~ ', ' ~ zone ~ ')::timestamp_ntz') }}
{%- endmacro %}

{# A double as a whole number, of two equally near ones the even one. A cast would cut off on Spark. #}
{% macro whole(number) -%} {{ return(adapter.dispatch('whole')(number)) }} {%- endmacro %}
{% macro default__whole(number) -%} {{ return(number ~ '::bigint') }} {%- endmacro %}
{% macro spark__whole(number) -%} {{ return('bround(' ~ number ~ ', 0)::bigint') }} {%- endmacro %}

{# Days from one date to a later one. #}
{% macro days_between(first, last) -%} {{ return(adapter.dispatch('days_between')(first, last)) }} {%- endmacro %}
{% macro default__days_between(first, last) -%} {{ return('(' ~ last ~ ' - ' ~ first ~ ')') }} {%- endmacro %}
{% macro spark__days_between(first, last) -%}
    {{ return('datediff(' ~ last ~ ', ' ~ first ~ ')::bigint') }}
{%- endmacro %}

{# A number that stands for a key, the same in each build; that two keys have not the same one must be tested. #}
{% macro number_of(key) -%} {{ return(adapter.dispatch('number_of')(key)) }} {%- endmacro %}
{% macro default__number_of(key) -%} {{ return('hash(' ~ key | join(', ') ~ ')') }} {%- endmacro %}
{% macro spark__number_of(key) -%} {{ return('xxhash64(' ~ key | join(', ') ~ ')') }} {%- endmacro %}

{# One row per date from first to last, both included. step: day or month. #}
{% macro dates_between(first, last, step) -%} {{ return(adapter.dispatch('dates_between')(first, last, step)) }} {%- endmacro %}
{% macro default__dates_between(first, last, step) -%}
    {{ return('unnest(generate_series(' ~ first ~ ', ' ~ last ~ ', interval 1 ' ~ step ~ '))::date') }}
{%- endmacro %}
{% macro spark__dates_between(first, last, step) -%}
    {{ return('explode(sequence(' ~ first ~ ', ' ~ last ~ ', interval 1 ' ~ step ~ '))') }}
{%- endmacro %}

{# One row per member of a list. #}
{% macro unnested(list) -%} {{ return(adapter.dispatch('unnested')(list)) }} {%- endmacro %}
{% macro default__unnested(list) -%} {{ return('unnest(' ~ list ~ ')') }} {%- endmacro %}
{% macro spark__unnested(list) -%} {{ return('explode(' ~ list ~ ')') }} {%- endmacro %}

{# A list of expressions; a member of a list by its position, from 1. #}
{% macro list_of(members) -%} {{ return(adapter.dispatch('list_of')(members)) }} {%- endmacro %}
{% macro default__list_of(members) -%} {{ return('[' ~ members | join(', ') ~ ']') }} {%- endmacro %}
{% macro spark__list_of(members) -%} {{ return('array(' ~ members | join(', ') ~ ')') }} {%- endmacro %}

{% macro item(list, position) -%} {{ return(adapter.dispatch('item')(list, position)) }} {%- endmacro %}
{% macro default__item(list, position) -%} {{ return(list ~ '[' ~ position ~ ']') }} {%- endmacro %}
{% macro spark__item(list, position) -%} {{ return('get(' ~ list ~ ', (' ~ position ~ ' - 1)::integer)') }} {%- endmacro %}

{# The members of a list that are not NULL. #}
{% macro known_members(list) -%} {{ return(adapter.dispatch('known_members')(list)) }} {%- endmacro %}
{% macro default__known_members(list) -%} {{ return('list_filter(' ~ list ~ ', lambda one: one is not null)') }} {%- endmacro %}
{% macro spark__known_members(list) -%} {{ return('array_compact(' ~ list ~ ')') }} {%- endmacro %}

{# A group's rows as a map, and what a map has for a key: NULL where it has nothing. One map for a whole query costs less than a
   subquery that is asked for each row. #}
{% macro map_of(key, value) -%} {{ return(adapter.dispatch('map_of')(key, value)) }} {%- endmacro %}
{% macro default__map_of(key, value) -%} {{ return('map(list(' ~ key ~ '), list(' ~ value ~ '))') }} {%- endmacro %}
{% macro spark__map_of(key, value) -%}
    {{ return('map_from_entries(collect_list(struct(' ~ key ~ ', ' ~ value ~ ')))') }}
{%- endmacro %}

{% macro looked_up(map, key) -%} {{ return(adapter.dispatch('looked_up')(map, key)) }} {%- endmacro %}
{% macro default__looked_up(map, key) -%} {{ return(map ~ '[' ~ key ~ ']') }} {%- endmacro %}
{% macro spark__looked_up(map, key) -%} {{ return('try_element_at(' ~ map ~ ', ' ~ key ~ ')') }} {%- endmacro %}

{# A struct of {field: expression}. #}
{% macro struct_of(fields) -%} {{ return(adapter.dispatch('struct_of')(fields)) }} {%- endmacro %}
{% macro default__struct_of(fields) -%}
    { {%- for name, expression in fields.items() %}'{{ name }}': {{ expression }}{{ ", " if not loop.last }}{% endfor -%} }
{%- endmacro %}
{% macro spark__struct_of(fields) -%}
    named_struct({% for name, expression in fields.items() %}'{{ name }}', {{ expression }}{{ ", " if not loop.last }}{% endfor %})
{%- endmacro %}

{# The list of objects in a JSON text, as structs of texts. #}
{% macro json_list(text, fields) -%} {{ return(adapter.dispatch('json_list')(text, fields)) }} {%- endmacro %}
{% macro default__json_list(text, fields) -%}
    {{ return("from_json(" ~ text ~ ", '[{\"" ~ fields | join('": "varchar", "') ~ '": "varchar"}]' ~ "')") }}
{%- endmacro %}
{% macro spark__json_list(text, fields) -%}
    {{ return("from_json(" ~ text ~ ", 'array<struct<" ~ fields | join(": string, ") ~ ": string>>')") }}
{%- endmacro %}

{# Follows a `*`: without these columns. #}
{% macro without(columns) -%} {{ return(adapter.dispatch('without')(columns)) }} {%- endmacro %}
{% macro default__without(columns) -%} {{ return('exclude (' ~ columns ~ ')') }} {%- endmacro %}
{% macro spark__without(columns) -%} {{ return('except (' ~ columns ~ ')') }} {%- endmacro %}

{# The rows of a relation with its `columns` and those `optional` ones ({name: type}) that it may lack; they are NULL then. #}
{% macro with_optional(relation, columns, optional) -%}
    {{ return(adapter.dispatch('with_optional')(relation, columns, optional)) }}
{%- endmacro %}
{% macro default__with_optional(relation, columns, optional) -%}
    (
        select {% for name, type in optional.items() %}cast(null as {{ type_of(type) }}) as {{ name }}{{ ", " if not loop.last }}{% endfor %}
        where false
        union all by name
        select * from {{ relation }}
    )
{%- endmacro %}
{# A name that the relation lacks is found outside of the subquery, where it is NULL. #}
{% macro spark__with_optional(relation, columns, optional) -%}
    (
        select those.*
        from (
            select {% for name, type in optional.items() %}cast(null as {{ type_of(type) }}) as {{ name }}{{ ", " if not loop.last }}{% endfor %}
        ) as missing
        cross join lateral (select {{ (columns + (optional | list)) | join(', ') }} from {{ relation }}) as those
    )
{%- endmacro %}

{# The distinct texts of a group in their order, as one text; `condition`: of which rows. NULL where there is none. #}
{% macro distinct_text(expression, separator, condition="true") -%}
    {{ return(adapter.dispatch('distinct_text')(expression, separator, condition)) }}
{%- endmacro %}
{% macro default__distinct_text(expression, separator, condition) -%}
    string_agg(distinct {{ expression }}, '{{ separator }}' order by {{ expression }}) filter (where {{ condition }})
{%- endmacro %}
{# 2026-11: two of Spark's listagg with distinct in one query end with a ClassCastException (4.3.0). #}
{% macro spark__distinct_text(expression, separator, condition) -%}
    nullif(array_join(array_sort(array_agg(distinct {{ expression }}) filter (where {{ condition }})), '{{ separator }}'), '')
{%- endmacro %}

{% macro product_of(factor) -%} {{ return(adapter.dispatch('product_of')(factor)) }} {%- endmacro %}
{% macro default__product_of(factor) -%} {{ return('product(' ~ factor ~ ')') }} {%- endmacro %}
{% macro spark__product_of(factor) -%}
    {{ return('aggregate(array_agg(' ~ factor ~ '), 1e0, (so_far, one) -> so_far * one)') }}
{%- endmacro %}
