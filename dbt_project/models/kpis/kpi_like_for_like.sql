with catalogue as (
    select * from {{ ref('metric_catalogue') }}
),

places as (
    select places.*, current_days.current_day
    from {{ ref('dim_place') }} as places
    inner join {{ ref('int_current_day') }} as current_days on places.tree = current_days.tree
    where places.is_current
),

rolled_up as (
    select
        metric_values.*, places.tree, places.place_level, places.place_path, places.valid_to as place_valid_to, places.current_day
    from {{ metric_values(metric_sums(ref('kpi_component_like_for_like'))) }} as metric_values
    inner join places on metric_values.place_key = places.place_key
),

as_it_was as (
    select computed.*, published.status = 'suppressed' as is_hidden, places.tree
    from {{ ref('kpi_computed') }} as computed
    inner join {{ ref('kpi_value') }} as published
        on computed.metric_code = published.metric_code and computed.place_key = published.place_key
        and computed.period_type = published.period_type and computed.period_start = published.period_start
        and computed.breakdown_type = published.breakdown_type and computed.currency is not distinct from published.currency
    inner join places on computed.place_key = places.place_key
    where computed.breakdown_type = 'none'
),

hidden as (
    select distinct metric_code, tree, period_type, period_start from as_it_was where is_hidden
),

-- A figure of other boundaries, less the published ones, must not give away what is hidden of its metric and period. Where
-- nothing has moved, the figure is the published one.
judged as (
    select
        rolled_up.*,
        case
            when as_it_was.metric_code is not null and rolled_up.numerator::double is not distinct from as_it_was.numerator
                and rolled_up.denominator::double is not distinct from as_it_was.denominator then as_it_was.is_hidden
            else hidden.tree is not null
        end as is_hidden
    from rolled_up
    left join as_it_was
        on rolled_up.metric_code = as_it_was.metric_code and rolled_up.place_key = as_it_was.place_key
        and rolled_up.period_type = as_it_was.period_type and rolled_up.period_start = as_it_was.period_start
        and rolled_up.currency is not distinct from as_it_was.currency
    left join hidden
        on rolled_up.metric_code = hidden.metric_code and rolled_up.tree = hidden.tree
        and rolled_up.period_type = hidden.period_type and rolled_up.period_start = hidden.period_start
),

run as (
    select max_by(run_id, started_at) as run_id from {{ source('ops', 'run') }}
),

kpi_like_for_like as (
    select
        judged.metric_code,
        catalogue.definition_version,
        judged.place_key,
        judged.place_level,
        judged.place_path,
        judged.place_valid_to,
        judged.current_day as boundary_date,
        judged.period_type,
        judged.period_start,
        judged.period_end,
        judged.breakdown_type,
        judged.breakdown_value,
        {% for column in ['numerator', 'denominator', 'value', 'n', 'lower', 'upper'] -%}
        case when not judged.is_hidden
            then judged.{{ column }} end::{{ 'bigint' if column == 'n' else 'double' }} as {{ column }},
        {% endfor -%}
        catalogue.unit,
        judged.currency,
        case when judged.is_hidden then 'suppressed' else {{ value_status('judged', 'catalogue') }} end as status,
        judged.as_of_date as as_of,
        run.run_id
    from judged
    inner join catalogue on judged.metric_code = catalogue.metric_code
    cross join run
)

select * from kpi_like_for_like
