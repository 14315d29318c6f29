{# A table in parts (`meta.parts` of its model) is made again only in those parts that read something new, where nothing else has
   changed. `are`: an expression of its columns that names the part of a row. `models`, and all staging models of `records`, are those
   of which each part reads what the macro <model>__parts tells, a query of part and content: a digest of all that the part reads of
   them. Otherwise only their columns, and the SQL of views, are inputs of the table. docs/decisions/0030-what-is-made-again.md #}
{% macro parts_of_model() -%} {{ return(config.get('meta', {}).get('parts')) }} {%- endmacro %}

{# The models of which __parts tells. #}
{% macro models_in_parts() -%}
    {%- set parts = parts_of_model() or {} -%}
    {%- set found = parts.get('models', []) | list -%}
    {%- for record in parts.get('records', []) -%} {%- do found.extend(var('staging_models', {}).get(record, [])) -%} {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# Stands in the SQL of a table in parts where only rows of touched parts are needed. `part`: names the part of a row there, as `are`
   does in the table. #}
{% macro is_in_a_touched_part(part) -%} ({{ every_part() }} or ({{ part }}) in ({{ touched_parts() }})) {%- endmacro %}
{% macro every_part() -%} true /* every part */ {%- endmacro %}
{% macro touched_parts() -%} null /* touched parts */ {%- endmacro %}

{# Part → digest; none of a table that has no parts. #}
{% macro digests_of_parts() -%}
    {%- if parts_of_model() -%}
        {%- set found = {} -%}
        {%- set told = run_query(context[model['name'] ~ '__parts']()) -%}
        {%- for row in told.rows -%} {%- do found.update({row[0]: row[1]}) -%} {%- endfor -%}
        {{ return(found) }}
    {%- endif -%}
{%- endmacro %}

{# Makes the touched parts of a table anew, where they stand. A part that is no more is touched. #}
{% macro make_touched_parts(existing, before, now) -%}
    {%- set touched = [] -%}
    {%- for part in (before.keys() | list + now.keys() | list) | unique if before.get(part) != now.get(part) -%}
        {%- do touched.append("'" ~ part | replace("'", "''") ~ "'") -%}
    {%- endfor -%}
    {%- set touched = touched | join(', ') -%}
    delete from {{ existing }} where ({{ parts_of_model().are }}) in ({{ touched }});
    insert into {{ existing }} by name
    {{ compiled_code | replace(every_part(), 'false') | replace(touched_parts(), touched) }}
{%- endmacro %}

{# What parts that are files, by their file_id, read of the staging models of some records. Where files are added to each other, and a
   staging model says that each of its rows follows from one row of a file (`meta.row_by_row`), a part reads that file; else its rows
   may follow from all files of its sources. #}
{% macro files_of_records(records) -%}
    select part, md5(string_agg(content, ' ' order by content)) as content
    from (
        {% for record in records %}{% for name in var('staging_models', {}).get(record, []) -%}
        {%- set model = graph.nodes.values() | selectattr('name', 'equalto', name) | first -%}
        {%- set sources = [] -%}
        {%- for parent in model.depends_on.nodes if parent.startswith('source.') and graph.sources[parent].source_name != 'ops' -%}
            {%- do sources.append(graph.sources[parent].identifier) -%}
        {%- endfor -%}
        {#- One that reads another model reads none: what that model holds is part of its text. -#}
        {%- if sources -%}
        {%- set delivery = ingest_declaration(sources[0]).get('delivery', {'mode': 'append'}) -%}
        {%- set files -%} from ops.raw_content where source in ('{{ sources | join("', '") }}') {%- endset -%}
        {%- set is_added = delivery.mode == 'append' and not delivery.overlapping -%}
        {%- if is_added and model.config.meta.get('row_by_row') and sources | length == 1 %}
        select file_id as part, content {{ files }}
        {%- else %}
        select file_id as part, (select md5(string_agg(content, ' ' order by source, file_id)) {{ files }}) as content {{ files }}
        {%- endif %}
        union all
        {%- endif %}
        {% endfor %}{% endfor -%}
        select null, null where false
    ) as files
    group by part
{%- endmacro %}
