-- What is exactly said is its own bound; 不超过 and 不少于 leave one side open.
with figures as (
    select
        figures.*,
        case when lower is null and upper is null then value::double else coalesce(lower::double, '-infinity') end as lowest,
        case when lower is null and upper is null then value::double else coalesce(upper::double, 'infinity') end as highest
    from {{ ref('int_figure') }} as figures
    inner join {{ ref('int_place') }} as places on figures.place_key = places.place_key
    where figures.metric_code is not null and figures.place_match in ('code', 'name') and not places.is_unknown_member
        and coalesce(lower, upper, value) is not null
),

kpi_row_figure_conflict as (
    select
        later.place_key, date_trunc('month', later.period_end - 1)::date as period_month, later.metric_code as metric,
        null::string as currency,
        1 as figures_conflicting,
        earlier.figure_key as first_figure_key, later.figure_key as second_figure_key,
        greatest(earlier.as_of_date, later.as_of_date) as as_of_date, later.source, later.file_id, later.row_no
    from figures as earlier
    inner join figures as later
        on earlier.metric_code = later.metric_code and earlier.place_key = later.place_key
        and earlier.period_start = later.period_start and earlier.period_end = later.period_end
        and earlier.unit is not distinct from later.unit and earlier.figure_key < later.figure_key
    where earlier.highest < later.lowest or later.highest < earlier.lowest
)

select * from kpi_row_figure_conflict
