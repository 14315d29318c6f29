{# metric → the row model, the column that the median is of, and its breakdowns #}
{% set by_subject = ['category', 'kind'] %}
{% set medians_of = {
    'R06': ('kpi_row_case', 'resolution_days', by_subject),
    'R09.hours': ('kpi_row_case_service', 'response_hours', by_subject),
    'R14.dwell': ('kpi_row_case_stay', 'stay_days', ['state']),
} %}
{% set breakdowns = {'category': 'category', 'kind': 'kind', 'state': 'state'} %}

with observations as (
    {% for metric, (rows, column, own_breakdowns) in medians_of.items() -%}
    select
        '{{ metric }}' as metric_code, place_key, period_month,
        {% for name in breakdowns %}{{ name if name in own_breakdowns else 'null::string as ' ~ name }}, {% endfor %}
        {{ column }} as amount, as_of_date
    from {{ ref(rows) }}
    where {{ column }} is not null
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

spots as (
    select * from {{ numbered_spots('observations') }}
),

members as (
    select numbered.*
    from {{ numbered_members('observations', breakdowns, ['metric_code']) }} as numbered
    inner join {{ ref('metric_catalogue') }} as catalogue
        on numbered.metric_code = catalogue.metric_code
        and array_contains({{ parts_of('catalogue.breakdowns', '|') }}, numbered.breakdown_type)
),

grid as (
    select spots.spot_no, members.member_no, observations.amount, observations.as_of_date
    from observations
    inner join members
        on observations.metric_code = members.metric_code
        {% for name in breakdowns -%}
        and observations.{{ name }} is not distinct from members.{{ name }}
        {% endfor %}
    inner join spots
        on observations.place_key = spots.place_key and observations.period_month = spots.period_month
),

known as (
    select spot_no, member_no, max(as_of_date) as as_of_date from grid group by spot_no, member_no
),

kpi_median as (
    select
        members.metric_code, spots.place_key, spots.period_type, spots.period_start, spots.period_end,
        members.breakdown_type, members.breakdown_value,
        sample.n as numerator, sample.n as denominator, sample.median as value, sample.n as n, sample.lower, sample.upper,
        false as is_not_reached, known.as_of_date
    from {{ medians('grid', ['spot_no', 'member_no'], 'amount') }} as sample
    inner join known on sample.spot_no = known.spot_no and sample.member_no = known.member_no
    inner join {{ places_and_periods('spots') }} as spots
        on sample.spot_no = spots.spot_no
    inner join (select distinct member_no, metric_code, breakdown_type, breakdown_value from members) as members
        on sample.member_no = members.member_no
)

select * from kpi_median
