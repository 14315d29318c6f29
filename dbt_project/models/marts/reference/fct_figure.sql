with int_figure as (
    select * from {{ ref('int_figure') }}
),

fct_figure as (
    select
        figure_key,
        place_key,
        kind,
        process_code,
        measure,
        metric_code,
        value,
        lower,
        upper,
        approx,
        unit,
        raw_value,
        repair,
        published_decimals,
        source_reference,
        period_start,
        period_end,
        reported_date,
        as_of_date,
        source,
        file_id,
        row_no
    from int_figure
)

select * from fct_figure
