{# Scalar functions that DuckDB has and Spark lacks, as functions of Spark's catalogue: made before a
   build (`dbt run-operation create_engine_functions --target spark`).
   The optimizer puts their bodies in their places, so that they cost nothing. #}
{% macro create_engine_functions() -%}
        {%- set functions = {
            'regexp_matches(text string, pattern string) returns boolean': "regexp_like(text, pattern)",
            'regexp_full_match(text string, pattern string) returns boolean': "regexp_like(text, concat('^(?:', pattern, ')\\z'))",
            'strftime(moment timestamp_ntz, notation string) returns string':
                "date_format(moment, replace(replace(replace(notation, '%Y', 'yyyy'), '%m', 'MM'), '%d', 'dd'))",
            'epoch_us(moment timestamp_ltz) returns bigint': "unix_micros(moment)",
            'isodow(day date) returns integer': "weekday(day) + 1",
            'starts_with(text string, start string) returns boolean': "startswith(text, start)",
            'ends_with(text string, ending string) returns boolean': "endswith(text, ending)",
            'strpos(text string, part string) returns integer': "instr(text, part)",
        } -%}
        {%- for signature, body in functions.items() -%}
            {%- do run_query("create or replace function default." ~ signature ~ " return " ~ body) -%}
        {%- endfor -%}
{%- endmacro %}
