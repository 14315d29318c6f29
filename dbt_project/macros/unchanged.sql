{# On DuckDB a table is made again only where its SQL, or the content of what it reads, is not what it was: so a new row costs what it
   touches. What a table was made from, and a digest of what it holds, stand in its comment, which goes with it when it is replaced;
   `gmw build` puts a digest of its rows and files into the comment of each raw table (ingest/build.py). A table that comes out as it
   was stops what follows from being made again. `--full-refresh` makes all of them. See docs/decisions/0030-what-is-made-again.md. #}

{% materialization table_if_changed, adapter='duckdb', supported_languages=['sql', 'python'] -%}
    {%- set known = digests_kept() -%}
    {%- set inputs = digest_of_inputs(known) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set unchanged = inputs is not none and existing is not none and existing.is_table
        and known.get(this.schema ~ '.' ~ this.identifier, {}).get('inputs') == inputs -%}
    {%- if unchanged and not should_full_refresh() -%}
        {%- call noop_statement('main', 'UNCHANGED') -%} {{ this }} {%- endcall -%}
        {{ return({'relations': [existing]}) }}
    {%- endif -%}
    {%- set made = this.incorporate(type='table') -%}
    {%- set in_the_making = make_intermediate_relation(made) -%}
    {{- drop_relation_if_exists(load_cached_relation(in_the_making)) -}}
    {%- call statement('main', language=model['language']) -%}
        {{ create_table_as(False, in_the_making, compiled_code, model['language']) }}
    {%- endcall -%}
    {{- drop_relation_if_exists(existing) -}}
    {%- do adapter.rename_relation(in_the_making, made) -%}
    {%- set content = run_query("select md5(concat_ws(' ', count(*), sum(hash(held)::hugeint))) from " ~ made ~ " as held") -%}
    {%- do keep_digests('table', inputs, content.rows[0][0]) -%}
    {%- do adapter.commit() -%}
    {{ return({'relations': [made]}) }}
{%- endmaterialization %}

{% materialization view, adapter='duckdb' -%}
    {%- set inputs = digest_of_inputs(digests_kept()) -%}
    {%- set made = dbt.materialization_view_default() -%}
    {%- do keep_digests('view', inputs, inputs) -%}
    {{ return(made) }}
{%- endmaterialization %}

{# schema.table → {inputs, content}, of everything in the warehouse that has them. #}
{% macro digests_kept() -%}
    {%- set found = {} -%}
    {%- set comments -%}
        select schema_name || '.' || table_name, comment from duckdb_tables()
        where database_name = '{{ this.database }}' and starts_with(comment, '{')
        union all
        select schema_name || '.' || view_name, comment from duckdb_views()
        where database_name = '{{ this.database }}' and starts_with(comment, '{')
    {%- endset -%}
    {%- for row in run_query(comments).rows -%} {%- do found.update({row[0]: fromjson(row[1])}) -%} {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# A digest of the SQL or Python of this model, of the code and software that it may call, and of the content of all it reads; none
   where that is new in each build. #}
{% macro digest_of_inputs(known) -%}
    {%- set told = [env_var('GMW_CODE_DIGEST', ''), config.get('materialized'), compiled_code] -%}
    {%- for parent in model['depends_on']['nodes'] -%}
        {%- set kind = parent.split('.')[0] -%}
        {%- set node = graph.sources[parent] if kind == 'source' else graph.nodes[parent] -%}
        {%- set content = node.checksum.checksum if kind == 'seed'
            else known.get(node.schema ~ '.' ~ (node.identifier if kind == 'source' else node.alias), {}).get('content') -%}
        {#- Which batches and files of a source count is part of the digest of its raw table. -#}
        {%- if not (node.source_name == 'ops' and model['fqn'][1] == 'staging') -%}
            {%- if not content -%} {{ return(none) }} {%- endif -%}
            {%- do told.append(parent ~ ' ' ~ content) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(local_md5(told | join('\n'))) }}
{%- endmacro %}

{% macro keep_digests(type, inputs, content) -%}
    {%- if content -%}
        {%- do run_query("comment on " ~ type ~ " " ~ this ~ " is '" ~ tojson({'inputs': inputs, 'content': content}) ~ "'") -%}
    {%- endif -%}
{%- endmacro %}
