-- Boundary changes move history about within a tree: nothing is lost and nothing is counted twice.
with tops as (
    select place_key from {{ ref('int_place') }}
    where parent_place_key is null
    qualify count(*) over (partition by tree) = 1
),

today as (
    select * from {{ ref('kpi_like_for_like') }} where place_key in (select place_key from tops)
),

as_it_was as (
    select * from {{ ref('kpi_value') }}
    where place_key in (select place_key from tops) and breakdown_type = 'none' and period_type != 'wave'
        and metric_code in (select metric_code from {{ ref('kpi_like_for_like') }})
)

select
    coalesce(today.metric_code, as_it_was.metric_code) as metric_code,
    coalesce(today.place_key, as_it_was.place_key) as place_key,
    coalesce(today.period_start, as_it_was.period_start) as period_start, today.value as value_within_the_boundaries_of_today,
    as_it_was.value as value_as_it_was
from today
full join as_it_was
    on today.metric_code = as_it_was.metric_code and today.place_key = as_it_was.place_key
    and today.period_type = as_it_was.period_type and today.period_start = as_it_was.period_start
    and today.currency is not distinct from as_it_was.currency
where today.value is distinct from as_it_was.value
    and coalesce(today.status, '') != 'suppressed' and coalesce(as_it_was.status, '') != 'suppressed'
