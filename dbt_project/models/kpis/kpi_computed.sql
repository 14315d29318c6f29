with catalogue as (
    select * from {{ ref('metric_catalogue') }}
),

additive as (
    select additive_rows.*, catalogue.statistic, t_quantile.t_975
    from {{ ref('kpi_additive') }} as additive_rows
    inner join catalogue on additive_rows.metric_code = catalogue.metric_code
    left join {{ ref('t_quantile') }} as t_quantile
        on catalogue.statistic = 'mean' and t_quantile.degrees_of_freedom = additive_rows.denominator - 1
),

-- A rate comes from the sums, never from rates; without a base there is no rate (rules 1 and 2).
from_sums as (
    select
        metric_code, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, currency, as_of_date,
        statistic,
        case when statistic in ('count', 'sum') then numerator else coalesce(numerator, 0) end as numerator,
        case when statistic not in ('count', 'sum') then coalesce(denominator, 0) end as denominator,
        case
            when statistic in ('count', 'sum') then numerator
            when denominator > 0 then coalesce(numerator, 0) / denominator
        end as value,
        case statistic when 'count' then numerator when 'sum' then n else coalesce(denominator, 0) end as n,
        case when statistic = 'mean' and denominator > 1 then
            {{ student_t_975('(denominator - 1)', 't_975') }}
            * sqrt(greatest(sum_of_squares - numerator * numerator / denominator, 0) / (denominator - 1) / denominator)
        end as half_width
    from additive
),

with_intervals as (
    select
        metric_code, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, currency, as_of_date,
        numerator, denominator, value, n,
        case statistic
            when 'proportion' then {{ wilson('numerator', 'denominator', -1) }}
            when 'mean' then value - half_width
        end as lower,
        case statistic
            when 'proportion' then {{ wilson('numerator', 'denominator', 1) }}
            when 'mean' then value + half_width
        end as upper,
        false as is_not_reached
    from from_sums
),

counted_anew as (
    select
        metric_code, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, as_of_date,
        numerator, numerator as value, numerator as n, false as is_not_reached
    from {{ ref('kpi_distinct') }}
    union all by name
    select
        metric_code, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, as_of_date,
        numerator, numerator as value, numerator as n, false as is_not_reached
    from {{ ref('kpi_backlog') }}
),

everything as (
    select * from with_intervals
    union all by name
    select * from {{ ref('kpi_duration') }}
    union all by name
    select * from {{ ref('kpi_median') }}
    union all by name
    select * from {{ ref('kpi_callback') }}
    union all by name
    select * from counted_anew
),

run as (
    select max_by(run_id, started_at) as run_id from {{ source('ops', 'run') }}
),

kpi_computed as (
    select
        everything.metric_code,
        catalogue.definition_version,
        everything.place_key,
        places.place_level,
        places.place_path,
        everything.period_type,
        everything.period_start,
        everything.period_end,
        everything.breakdown_type,
        everything.breakdown_value,
        everything.numerator::double as numerator,
        everything.denominator::double as denominator,
        everything.value::double as value,
        everything.n::bigint as n,
        everything.lower::double as lower,
        everything.upper::double as upper,
        catalogue.unit,
        everything.currency,
        case
            when everything.is_not_reached then 'not_reached'
            when everything.value is null then 'no_base'
            when everything.n < catalogue.minimum_n then 'low_n'
            when everything.period_type in ('month', 'quarter', 'year') and everything.period_end > everything.as_of_date + 1
                then 'partial'
            else 'ok'
        end as status,
        everything.as_of_date as as_of,
        run.run_id
    from everything
    inner join catalogue on everything.metric_code = catalogue.metric_code
    inner join {{ ref('dim_place') }} as places
        on everything.place_key = places.place_key
        and {{ valid_on('places.counts_from', 'places.counts_to', 'everything.period_end - 1') }}
    cross join run
)

select * from kpi_computed
