{# Continues the condition of a join of `wholes` with `parts`: the same in these columns. #}
{% macro and_same(columns) -%}
    {% for column in columns %}and wholes.{{ column }} = parts.{{ column }} {% endfor -%}
{%- endmacro %}

{# The counts that an audience must not see. Which these are no SQL tells: on Spark the driver has found it out by the same code. #}
{% macro hidden_counts() -%} {{ return(adapter.dispatch('hidden_counts')()) }} {%- endmacro %}
{% macro default__hidden_counts() -%} {{ return(ref('kpi_hidden')) }} {%- endmacro %}
{% macro spark__hidden_counts() -%} {{ return(source('driver', 'kpi_hidden')) }} {%- endmacro %}

{# The rows of kpi_computed as an audience may see them: without numbers where a row shows a count of people that is hidden. #}
{% macro suppressed_rows(audience) -%}
    (
        with hidden_row as (
            select distinct
                cells.metric_code, cells.place_key, cells.period_type, cells.period_start, cells.breakdown_type, cells.breakdown_value
            from {{ hidden_counts() }} as hidden
            inner join {{ ref('kpi_row_cell') }} as cells on hidden.cell_no = cells.cell_no
            where hidden.audience = '{{ audience }}'
        )
        select
            computed.metric_code, computed.definition_version, computed.place_key, computed.place_level, computed.place_path,
            computed.period_type, computed.period_start, computed.period_end, computed.breakdown_type, computed.breakdown_value,
            {% for column in ['numerator', 'denominator', 'value', 'n', 'lower', 'upper'] -%}
            case when hidden_row.metric_code is null then computed.{{ column }} end as {{ column }},
            {% endfor -%}
            computed.unit, computed.currency,
            case when hidden_row.metric_code is null then computed.status else 'suppressed' end as status,
            computed.as_of, computed.run_id
        from {{ ref('kpi_computed') }} as computed
        left join hidden_row
            on computed.metric_code = hidden_row.metric_code and computed.place_key = hidden_row.place_key
            and computed.period_type = hidden_row.period_type and computed.period_start = hidden_row.period_start
            and computed.breakdown_type = hidden_row.breakdown_type and computed.breakdown_value = hidden_row.breakdown_value
    )
{%- endmacro %}
