{# On DuckDB a table is made again only where its SQL, or the content of what it reads, is not what it was: so a new row costs what
   it touches. What a table was made from, and a digest of what it holds, stand in its comment, which goes with it when it is
   replaced; `gmw build` and `gmw dbt` put a digest of its rows and files into the comment of each raw table (ingest/inputs.py). A
   table that comes out as it was stops what follows from being made again; a data test that has passed on the same content is not
   asked again. `--full-refresh` makes and asks all of them. See docs/decisions/0030-what-is-made-again.md. #}

{% materialization table_if_changed, adapter='duckdb', supported_languages=['sql', 'python'] -%}
    {%- set known = digests_kept() -%}
    {%- set inputs = digest_of_inputs(known) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set before = known.get(this.schema ~ '.' ~ this.identifier, {}) -%}
    {%- set unchanged = inputs is not none and existing is not none and existing.is_table and before.get('inputs') == inputs
        and not should_full_refresh() -%}
    {%- set parts = digests_of_parts() -%}
    {%- if unchanged and before.get('parts') == parts -%}
        {%- call noop_statement('main', 'UNCHANGED') -%} {{ this }} {%- endcall -%}
        {{ return({'relations': [existing]}) }}
    {%- endif -%}
    {%- if unchanged -%}
        {%- call statement('main') -%} {{ make_touched_parts(existing, before['parts'], parts) }} {%- endcall -%}
        {%- do keep_digests('table', inputs, digest_of_content(), parts) -%}
        {%- do adapter.commit() -%}
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
    {%- do keep_digests('table', inputs, digest_of_content(), parts) -%}
    {%- do adapter.commit() -%}
    {{ return({'relations': [made]}) }}
{%- endmaterialization %}

{% materialization view, adapter='duckdb' -%}
    {%- set known = digests_kept() -%}
    {%- set inputs = digest_of_inputs(known) -%}
    {%- set made = dbt.materialization_view_default() -%}
    {%- do keep_digests('view', inputs, inputs, text=digest_of_inputs(known, sources=false)) -%}
    {{ return(made) }}
{%- endmaterialization %}

{# Always a table anew: dbt would empty one that is there and fill it by position, whatever its columns are called now. #}
{% materialization seed, adapter='duckdb' -%}
    {{- drop_relation_if_exists(load_cached_relation(this)) -}}
    {%- set made = dbt.materialization_seed_default() -%}
    {%- do keep_digests('table', none, digest_of_content()) -%}
    {{ return(made) }}
{%- endmaterialization %}

{# What passed is kept in ops.data_test_passed, where builds insert only: two threads must not change one row. `dbt test` asks each
   time. #}
{% materialization test, adapter='duckdb' -%}
    {%- set inputs = digest_of_inputs(digests_kept()) if flags.WHICH == 'build' and not should_full_refresh() -%}
    {%- if inputs and run_query(passed_before(inputs)).rows[0][0] -%}
        {%- call statement('main', fetch_result=True) -%}
            select 0 as failures, false as should_warn, false as should_error
        {%- endcall -%}
        {{ return({'relations': []}) }}
    {%- endif -%}
    {%- set made = dbt.materialization_test_default() -%}
    {%- set found = load_result('main').table.rows[0] -%}
    {%- if inputs and not (found['should_warn'] or found['should_error']) -%}
        {%- do run_query("insert into ops.data_test_passed values ('" ~ model['unique_id'] ~ "', '" ~ inputs ~ "', now())") -%}
        {%- do adapter.commit() -%}
    {%- endif -%}
    {{ return(made) }}
{%- endmaterialization %}

{% macro passed_before(inputs) -%}
    select count(*) > 0 from ops.data_test_passed where test = '{{ model['unique_id'] }}' and inputs = '{{ inputs }}'
{%- endmacro %}

{# schema.table → {inputs, content, parts, text}, of this node and of what it reads, where they have them. #}
{% macro digests_kept() -%}
    {%- set found = {} -%}
    {%- set names = ["'" ~ this.schema ~ "." ~ this.identifier ~ "'"] -%}
    {%- for parent in model['depends_on']['nodes'] -%}
        {%- set node = graph.sources[parent] if parent.startswith('source.') else graph.nodes[parent] -%}
        {%- do names.append("'" ~ node.schema ~ "." ~ (node.identifier or node.alias) ~ "'") -%}
    {%- endfor -%}
    {%- set comments -%}
        {%- for kind in ['table', 'view'] %}
        select schema_name || '.' || {{ kind }}_name as name, comment from duckdb_{{ kind }}s()
        where database_name = '{{ this.database }}' and name in ({{ names | join(', ') }}) and starts_with(comment, '{')
        {%- if not loop.last %} union all {% endif %}
        {%- endfor %}
    {%- endset -%}
    {%- for row in run_query(comments).rows -%} {%- do found.update({row[0]: fromjson(row[1])}) -%} {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# A digest of the SQL or Python of this model or data test, of the code and software that it may call, and of the content of all it
   reads (`sources`: also of raw tables); none where that is new in each build. #}
{% macro digest_of_inputs(known, sources=true) -%}
    {%- set told = [env_var('GMW_CODE_DIGEST', ''), config.get('materialized'), compiled_code, parts_of_model() | string] -%}
    {%- if model['resource_type'] == 'test' -%}
        {%- for setting in ['fail_calc', 'warn_if', 'error_if', 'limit'] -%}
            {%- do told.append(config.get(setting) | string) -%}
        {%- endfor -%}
    {%- elif config.get('contract').enforced -%}
        {#- Its columns decide about order, types and constraints of the table. -#}
        {%- for column in model['columns'].values() -%}
            {%- do told.append([column.name, column.data_type, column.constraints] | string) -%}
        {%- endfor -%}
        {%- do told.append(model['constraints'] | string) -%}
    {%- endif -%}
    {%- for parent in model['depends_on']['nodes'] -%}
        {%- set kind = parent.split('.')[0] -%}
        {%- set node = graph.sources[parent] if kind == 'source' else graph.nodes[parent] -%}
        {%- set name = node.identifier if kind == 'source' else node.alias -%}
        {%- set content = known.get(node.schema ~ '.' ~ name, {}).get('content') -%}
        {%- if kind == 'source' and not sources -%}
        {%- elif kind == 'model' and node.name in models_in_parts() -%}
            {%- set text = known.get(node.schema ~ '.' ~ name, {}).get('text') -%}
            {#- Parts that are files are told by raw rows: what becomes of them in staging is told by its text alone. -#}
            {%- set is_told_by_parts = node.name in parts_of_model().get('models', []) and node.config.materialized != 'view' -%}
            {%- if not text and not is_told_by_parts -%} {{ return(none) }} {%- endif -%}
            {%- do told.append(parent ~ ' ' ~ text ~ ' ' ~ columns_of(node.schema, name)) -%}
        {#- Which batches and files of a source count is part of the digest of its raw table. -#}
        {%- elif not (node.source_name == 'ops' and model['fqn'][1] == 'staging') -%}
            {%- if not content -%} {{ return(none) }} {%- endif -%}
            {%- do told.append(parent ~ ' ' ~ content) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(local_md5(told | join('\n'))) }}
{%- endmacro %}

{# Names and types count: DuckDB's hash of a row is that of its values, and 1, true and 1970-01-02 are the same to it. It is hashed
   once more, because it ends in an exclusive or: two rows that swap their last values may have the same sum as before. The alias is
   a name that no column has, or it would mean the column. #}
{% macro digest_of_content() -%}
    {%- set content -%}
        select md5(concat_ws(
            ' ', count(*), sum(hash(hash("the whole row"))::hugeint), '{{ columns_of(this.schema, this.identifier) }}'
        ))
        from {{ this }} as "the whole row"
    {%- endset -%}
    {{ return(run_query(content).rows[0][0]) }}
{%- endmacro %}

{# Names and types of the columns of a table or view. #}
{% macro columns_of(schema, identifier) -%}
    {%- set columns -%}
        select replace(string_agg(column_name || ' ' || data_type, ', ' order by column_index), chr(39), '') from duckdb_columns()
        where database_name = '{{ this.database }}' and schema_name = '{{ schema }}' and table_name = '{{ identifier }}'
    {%- endset -%}
    {{ return(run_query(columns).rows[0][0]) }}
{%- endmacro %}

{% macro keep_digests(type, inputs, content, parts=none, text=none) -%}
    {%- if content -%}
        {%- set kept = tojson({'inputs': inputs, 'content': content, 'parts': parts, 'text': text}) -%}
        {%- do run_query("comment on " ~ type ~ " " ~ this ~ " is '" ~ kept | replace("'", "''") ~ "'") -%}
    {%- endif -%}
{%- endmacro %}
