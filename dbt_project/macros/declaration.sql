{# What a source's declaration says under config.meta.ingest. Only known when models run: empty while dbt parses. #}
{% macro ingest_declaration(source_name) %}
    {%- if not execute -%}{{ return({}) }}{%- endif -%}
    {%- set node = graph.sources.values() | selectattr("name", "equalto", source_name) | first -%}
    {{ return(node.config.meta.ingest) }}
{% endmacro %}

{# The survey questions of a source: [{code, text, dimension, …}], from its columns' `question` entries. #}
{% macro declared_questions(source_name) %}
    {%- if not execute -%}{{ return([]) }}{%- endif -%}
    {%- set node = graph.sources.values() | selectattr("name", "equalto", source_name) | first -%}
    {%- set questions = [] -%}
    {%- for column in node.columns.values() -%}
        {%- set question = column.config.get("meta", {}).get("ingest", {}).get("question") -%}
        {%- if question -%}
            {%- do questions.append(dict(question, code=column.name)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(questions) }}
{% endmacro %}

{# The declared columns of a source that its raw table has. #}
{% macro stored_columns(source_name) %}
    {%- if not execute -%}{{ return([]) }}{%- endif -%}
    {%- set node = graph.sources.values() | selectattr("name", "equalto", source_name) | first -%}
    {%- set names = [] -%}
    {%- for column in node.columns.values() -%}
        {%- if column.config.get("meta", {}).get("ingest", {}).get("personal") not in ("drop", "health") -%}
            {%- do names.append(column.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(names) }}
{% endmacro %}
