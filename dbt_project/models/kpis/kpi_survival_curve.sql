{% set keys = ['place_key', 'period_type', 'period_start', 'period_end'] %}
{# Up to here every whole day, then the end of every week. #}
{% set daily_until = 60 %}

with cases as (
    select * from {{ cases_with_a_duration() }}
),

grid as (
    select
        ancestor_place_key as place_key, period_type, period_start, period_end,
        observed_days as duration, is_resolved as is_event, as_of_date
    from {{ at_every_level('cases', 'opened_date') }}
),

-- A curve through few cases would show chance, and single cases.
counted as (
    select {{ keys | join(', ') }}, count(*) as case_count, max(as_of_date) as as_of
    from grid
    group by {{ keys | join(', ') }}
    having count(*) >= (select minimum_n from {{ ref('metric_catalogue') }} where metric_code = 'R05.median')
),

survival as (
    select *, if(duration <= {{ daily_until }}, ceil(duration), ceil(duration / 7) * 7)::integer as elapsed_days
    from {{ kaplan_meier('grid', keys) }}
),

last_of_day as (
    select * from survival
    qualify row_number() over (partition by {{ keys | join(', ') }}, elapsed_days order by duration desc) = 1
),

kpi_survival_curve as (
    select
        {{ keys | join(', ') }}, elapsed_days,
        -- Products of fractions miss a share in the last bits.
        round(survival, 12) as open_share, round(survival_lower, 12) as lower, round(survival_upper, 12) as upper,
        at_risk::bigint as at_risk_count, case_count as n, as_of
    from last_of_day
    inner join counted using ({{ keys | join(', ') }})
)

select * from kpi_survival_curve
