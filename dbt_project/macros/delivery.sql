{# The rows of a source that count now: those of accepted batches, with the source's delivery semantics applied.

   append    every row; with `overlapping`, where files repeat one another's rows, an equal row as often as the file has it
             that has it most often
   snapshot  the rows of the latest file
   period    of each period (the declared columns) the rows of the latest file that has it
   upsert    of each key the latest row: by the columns of `order_by`, if any are declared, then by its file

   "Latest" goes by the date in the file name (`as_of_pattern`), then by the revision in it (`revision_pattern`), then by the
   order of arrival, which does not matter where file names say both. Bytes that arrive again after another file are the latest
   again. Adds _source, _time_zone, _file_as_of,
   and _as_of_group: the set of rows that are known up to one and the same moment (the file; for snapshot and upsert the whole source).
#}
{% macro delivered_rows(source_name) %}
    {%- set ingest = ingest_declaration(source_name) -%}
    {%- set delivery = ingest.get("delivery", {"mode": "append"}) -%}
    {%- set latest = "coalesce(file.as_of, date '0001-01-01') desc, coalesce(file.revision, 0) desc, "
        ~ "coalesce(file.delivered_at, file.retrieved_at) desc nulls last, batch.batch_no desc" -%}
    {%- set whole_row = stored_columns(source_name) | join(", ") if delivery.get("overlapping") else "" -%}
    (
        select
            raw_rows.*,
            '{{ source_name }}' as _source,
            '{{ ingest.get("time_zone", "UTC") }}' as _time_zone,
            file.as_of as _file_as_of,
            {% if delivery.mode in ("upsert", "snapshot") -%} '{{ source_name }}' {%- else -%} raw_rows._file_id {%- endif %} as _as_of_group
        from {% if delivery.get("overlapping") -%}
        (
            select *, row_number() over (partition by {{ whole_row }}, _file_id order by _row_no) as _copy_in_file
            from {{ source(source_name, source_name) }}
        )
        {%- else -%}{{ source(source_name, source_name) }}{%- endif %} as raw_rows
        inner join {{ source("ops", "batch") }} as batch on raw_rows._batch_id = batch.batch_id and batch.status = 'accepted'
        inner join {{ source("ops", "file") }} as file on raw_rows._file_id = file.file_id and file.source = '{{ source_name }}'
        {% if delivery.mode == "snapshot" -%}
        qualify rank() over (order by {{ latest }}) = 1
        {%- elif delivery.mode == "period" -%}
        {%- set period = [] -%}
        {%- for column in delivery["columns"] -%}
            {%- do period.append("file.as_of" if column == "_file_as_of" else "raw_rows." ~ column) -%}
        {%- endfor -%}
        qualify rank() over (partition by {{ period | join(", ") }} order by {{ latest }}) = 1
        {%- elif delivery.mode == "upsert" -%}
        qualify row_number() over (
            partition by {% for column in delivery["key"] %}raw_rows.{{ column }}{{ ", " if not loop.last }}{% endfor %}
            order by {% for column in delivery.get("order_by", []) %}raw_rows.{{ column }} desc nulls last, {% endfor %}{{ latest }}, raw_rows._row_no desc
        ) = 1
        {%- elif delivery.get("overlapping") -%}
        qualify row_number() over (partition by {{ whole_row }}, _copy_in_file order by {{ latest }}) = 1
        {%- endif %}
    )
{% endmacro %}
