{% set keys = ['place_key', 'period_type', 'period_start', 'period_end', 'breakdown_type', 'breakdown_value'] %}

with cases as (
    select * from {{ cases_with_a_duration() }}
),

spots as (
    select * from {{ numbered_spots('cases') }}
),

members as (
    select * from {{ numbered_members('cases', {'category': 'category', 'kind': 'kind'}) }}
),

grid as (
    select spots.spot_no, members.member_no, cases.duration, cases.is_event, cases.as_of_date
    from cases
    inner join members
        on cases.category is not distinct from members.category and cases.kind is not distinct from members.kind
    inner join spots on cases.place_key = spots.place_key and cases.period_month = spots.period_month
),

counted as (
    select
        spot_no, member_no, count(*) as case_count, count(*) filter (where is_event) as event_count,
        max(as_of_date) as as_of_date
    from grid
    group by spot_no, member_no
),

survival as (
    select * from {{ kaplan_meier('grid', ['spot_no', 'member_no']) }}
),

quantiles as (
    select
        spot_no, member_no,
        {% for name, level in {'median': 0.5, 'p90': 0.1}.items() -%}
        {{ first_time_at_or_below('survival', level) }} as {{ name }},
        {{ first_time_at_or_below('survival_lower', level) }} as {{ name }}_lower,
        {{ first_time_at_or_below('survival_upper', level) }} as {{ name }}_upper{{ ',' if not loop.last }}
        {% endfor %}
    from survival
    group by spot_no, member_no
),

named as (
    select {{ keys | join(', ') }}, counted.*, quantiles.* {{ without('spot_no, member_no') }}
    from counted
    inner join quantiles on counted.spot_no = quantiles.spot_no and counted.member_no = quantiles.member_no
    inner join {{ places_and_periods('spots') }} as spots
        on counted.spot_no = spots.spot_no
    inner join (select distinct member_no, breakdown_type, breakdown_value from members) as members
        on counted.member_no = members.member_no
),

kpi_duration as (
    {% for metric, name in {'R05.median': 'median', 'R05.p90': 'p90'}.items() -%}
    select
        '{{ metric }}' as metric_code, {{ keys | join(', ') }}, event_count as numerator, case_count as denominator,
        {{ name }} as value, case_count as n, {{ name }}_lower as lower, {{ name }}_upper as upper,
        {{ name }} is null as is_not_reached, as_of_date
    from named
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select * from kpi_duration
