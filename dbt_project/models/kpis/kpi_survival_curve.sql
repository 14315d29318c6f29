{# Up to here every whole day, then the end of every week. #}
{% set daily_until = 60 %}

with cases as (
    select * from {{ cases_with_a_duration() }}
),

spots as (
    select * from {{ numbered_spots('cases') }}
),

grid as (
    select spots.spot_no, cases.duration, cases.is_event, cases.as_of_date
    from cases
    inner join spots on cases.place_key = spots.place_key and cases.period_month = spots.period_month
),

-- A curve through few cases would show chance, and single cases.
counted as (
    select spot_no, count(*) as case_count, max(as_of_date) as as_of
    from grid
    group by spot_no
    having count(*) >= (select minimum_n from {{ ref('metric_catalogue') }} where metric_code = 'R05.median')
),

survival as (
    select *, if(duration <= {{ daily_until }}, ceil(duration), ceil(duration / 7) * 7)::integer as elapsed_days
    from {{ kaplan_meier('grid', ['spot_no']) }}
),

last_of_day as (
    select
        spot_no, elapsed_days,
        max_by({{ struct_of({
            'survival': 'survival', 'survival_lower': 'survival_lower', 'survival_upper': 'survival_upper', 'at_risk': 'at_risk'
        }) }}, duration) as at_end
    from survival
    group by spot_no, elapsed_days
),

kpi_survival_curve as (
    select
        spots.place_key, spots.period_type, spots.period_start, spots.period_end, last_of_day.elapsed_days,
        -- Products of fractions miss a share in the last bits.
        round(at_end.survival, 12) as open_share, round(at_end.survival_lower, 12) as lower,
        round(at_end.survival_upper, 12) as upper,
        at_end.at_risk as at_risk_count, counted.case_count as n, counted.as_of
    from last_of_day
    inner join counted on last_of_day.spot_no = counted.spot_no
    inner join {{ places_and_periods('spots') }} as spots
        on counted.spot_no = spots.spot_no
)

select * from kpi_survival_curve
