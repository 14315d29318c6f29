with catalogue as (
    select * from {{ ref('metric_catalogue') }}
),

metric_values as (
    select * from {{ metric_values(metric_sums(ref('kpi_component_like_for_like'))) }}
),

-- A figure of other boundaries, less the published one, must not give away what is hidden there.
hidden as (
    select distinct metric_code, split_part(place_key, ':', 1) as tree, period_type, period_start
    from {{ ref('kpi_value') }}
    where status = 'suppressed' and breakdown_type = 'none'
),

run as (
    select max_by(run_id, started_at) as run_id from {{ source('ops', 'run') }}
),

stated as (
    select
        metric_values.* replace (
            case when hidden.tree is null then metric_values.numerator end as numerator,
            case when hidden.tree is null then metric_values.denominator end as denominator,
            case when hidden.tree is null then metric_values.value end as value,
            case when hidden.tree is null then metric_values.n end as n,
            case when hidden.tree is null then metric_values.lower end as lower,
            case when hidden.tree is null then metric_values.upper end as upper
        ),
        catalogue.definition_version, catalogue.unit,
        case when hidden.tree is not null then 'suppressed' else {{ value_status('metric_values', 'catalogue') }} end as status
    from metric_values
    inner join catalogue on metric_values.metric_code = catalogue.metric_code
    left join hidden
        on metric_values.metric_code = hidden.metric_code and split_part(metric_values.place_key, ':', 1) = hidden.tree
        and metric_values.period_type = hidden.period_type and metric_values.period_start = hidden.period_start
),

kpi_like_for_like as (
    select
        stated.metric_code,
        stated.definition_version,
        stated.place_key,
        places.place_level,
        places.place_path,
        places.valid_to as place_valid_to,
        current_days.current_day as boundary_date,
        stated.period_type,
        stated.period_start,
        stated.period_end,
        stated.breakdown_type,
        stated.breakdown_value,
        stated.numerator::double as numerator,
        stated.denominator::double as denominator,
        stated.value::double as value,
        stated.n::bigint as n,
        stated.lower::double as lower,
        stated.upper::double as upper,
        stated.unit,
        stated.currency,
        stated.status,
        stated.as_of_date as as_of,
        run.run_id
    from stated
    inner join {{ ref('dim_place') }} as places on stated.place_key = places.place_key and places.is_current
    inner join {{ ref('int_current_day') }} as current_days on places.tree = current_days.tree
    cross join run
)

select * from kpi_like_for_like
