{# Percentages are compared as they are printed: 83.7 for 0.837. #}
with catalogue as (
    select * from {{ ref('metric_catalogue') }}
),

figures as (
    select
        figures.*,
        figures.value * if(figures.unit = 'share', 100, 1) as printed_value,
        figures.lower * if(figures.unit = 'share', 100, 1) as printed_lower,
        figures.upper * if(figures.unit = 'share', 100, 1) as printed_upper,
        -- Words such as 近 and 逾 leave the number open between bounds; of an exact one both are the number itself.
        (figures.lower is not null or figures.upper is not null) and figures.lower is distinct from figures.upper as has_bounds
    from {{ ref('int_figure') }} as figures
    inner join {{ ref('int_place') }} as places on figures.place_key = places.place_key
    where figures.metric_code is not null and figures.place_match in ('code', 'name') and not places.is_unknown_member
),

compared as (
    select
        figures.*, catalogue.statistic, catalogue.counts_people, recorded.currency, recorded.value as recorded_value,
        recorded.value * if(catalogue.unit = 'share', 100, 1) as recomputed
    from figures
    inner join catalogue on figures.metric_code = catalogue.metric_code
    inner join {{ ref('kpi_recorded') }} as recorded
        on figures.metric_code = recorded.metric_code and figures.place_key = recorded.place_key
        and figures.period_start = recorded.period_start and figures.period_end = recorded.period_end
        and recorded.breakdown_type = 'none' and recorded.value is not null
        and (recorded.currency is null or recorded.currency = if(figures.unit = '元', 'CNY', figures.unit))
    -- A period may be two at once, such as a year of data and all of them.
    qualify row_number() over (partition by figures.figure_key order by recorded.period_type) = 1
),

kpi_row_figure as (
    select
        figure_key, place_key, date_trunc('month', period_end - 1)::date as period_month, metric_code as metric, currency,
        1 as figures_comparable,
        case
            when has_bounds then (recomputed < printed_lower or recomputed > printed_upper) is not true
            else {{ agrees_with_print('recomputed', 'printed_value', 'coalesce(published_decimals, 0)', "unit in ('%', 'share')") }}
        end::integer as figures_agreeing,
        case when statistic in ('count', 'sum') and not counts_people then recorded_value end as recomputed_total,
        case when statistic in ('count', 'sum') and not counts_people then value::double end as reported_total,
        as_of_date, source, file_id, row_no
    from compared
)

select * from kpi_row_figure
