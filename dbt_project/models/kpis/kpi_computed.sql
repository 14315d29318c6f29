with catalogue as (
    select * from {{ ref('metric_catalogue') }}
),

everything as (
    {% for values in [ref('kpi_recorded'), metric_values(ref('kpi_figure'))] -%}
    select
        metric_code, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, currency, numerator,
        denominator, value, n, lower, upper, is_left_censored, is_not_reached, as_of_date
    from {{ values }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
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
        {{ whole('everything.n') }} as n,
        everything.lower::double as lower,
        everything.upper::double as upper,
        catalogue.unit,
        everything.currency,
        {{ value_status('everything', 'catalogue') }} as status,
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
