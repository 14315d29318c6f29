-- Targets of places that no register knows are those of another district.
with kpi_target as (
    select
        target.place_key, target.metric_code, target.period_type, target.period_start, target.currency, target.value, target.source
    from {{ ref('target') }} as target
    inner join {{ ref('dim_place') }} as place on target.place_key = place.place_key and place.is_current
)

select * from kpi_target
