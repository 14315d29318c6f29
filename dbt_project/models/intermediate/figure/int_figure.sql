with staged as (
    {{ union_staging('figure', dict(place_columns(), **{
        'figure_id': 'varchar', 'kind': 'varchar', 'process_code': 'varchar', 'measure': 'varchar',
        'value': 'decimal(38,6)', 'lower': 'decimal(38,6)', 'upper': 'decimal(38,6)', 'approx': 'varchar',
        'unit': 'varchar', 'raw_value': 'decimal(38,6)', 'repair': 'varchar', 'published_decimals': 'integer',
        'source_reference': 'varchar', 'period_start': 'date', 'period_end': 'date', 'reported_date': 'date'
    }), optional={
        'metric_code': 'varchar'
    }) }}
),

int_figure as (
    select
        _source || ':' || figure_id as figure_key,
        place_key, place_match, place_name, parent_place_name,
        kind, process_code, measure, metric_code, value, lower, upper, approx, unit, coalesce(raw_value, value) as raw_value,
        repair,
        published_decimals, source_reference, period_start, period_end, reported_date,
        {{ as_of_date(observed_until(instant_at("(coalesce(reported_date, period_end - 1) + 1)::timestamp", "_time_zone"))) }} as as_of_date,
        _source as source, _file_id as file_id, _row_no as row_no
    from {{ resolved_places('staged', 'coalesce(period_end - 1, reported_date)') }}
)

select * from int_figure
