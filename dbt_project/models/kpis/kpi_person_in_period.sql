{# Read once, by kpi_participant: as a table it would be the largest one of all. #}
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
{% set keys = 'person_number, place_number, period_type, period_start' %}

with at_every_place as (
    select
        months.person_number, ancestors.ancestor_place_number as place_number, months.period_month as period_start,
        months.first_date, months.steady_age_band, months.occasion_count, months.actions
    from {{ ref('int_person_month') }} as months
    inner join {{ ref('int_place_ancestor') }} as ancestors
        on months.place_number = ancestors.place_number
        and {{ valid_on('ancestors.counts_from', 'ancestors.counts_to', 'last_day(months.period_month)') }}
),

-- Each length of period is made of the one before, which has fewer rows.
{% for type, shorter in {'month': 'at_every_place', 'quarter': 'by_month', 'year': 'by_quarter', 'all': 'by_year'}.items() -%}
by_{{ type }} as (
    select
        person_number, place_number,
        {%- if type != 'all' %} date_trunc('{{ type }}', period_start)::date as period_start,{% endif %}
        any_value(first_date) as first_date, any_value(steady_age_band) as steady_age_band,
        sum(occasion_count)::integer as occasion_count, bit_or(actions) as actions
    from {{ shorter }}
    group by all
),

{% endfor -%}
periods as (
    select distinct places.place_number, periods.period_type, periods.period_start, periods.period_end
    from {{ ref('int_period') }} as periods
    inner join {{ ref('int_place') }} as places on periods.tree = places.tree
),

people as (
    {% for type in ['month', 'quarter', 'year', 'all'] -%}
    select
        one.person_number, one.place_number, periods.period_type, periods.period_start, periods.period_end, one.first_date,
        one.steady_age_band, one.occasion_count, one.actions
    from by_{{ type }} as one
    inner join periods
        on one.place_number = periods.place_number and periods.period_type = '{{ type }}'
        {%- if type != 'all' %} and one.period_start = periods.period_start{% endif %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

-- Of an activity that a person was at in several places or months, one occasion at each level.
more as (
    select
        facts.person_number, ancestors.ancestor_place_number as place_number, periods.period_type, periods.period_start,
        count(distinct facts.activity_key) as activity_count
    from {{ ref('int_person_activity') }} as facts
    inner join {{ ref('int_place_ancestor') }} as ancestors
        on facts.place_number = ancestors.place_number
        and {{ valid_on('ancestors.counts_from', 'ancestors.counts_to', 'last_day(facts.period_month)') }}
    inner join {{ ref('int_period') }} as periods
        on ancestors.tree = periods.tree and facts.period_month = periods.period_month
    where not facts.is_once
    group by all
),

kpi_person_in_period as (
    select
        people.person_number, people.place_number, people.period_type, people.period_start, people.period_end,
        people.occasion_count + coalesce(more.activity_count, 0) as occasion_count,
        people.actions,
        coalesce(people.steady_age_band, age_bands.age_band, 'unknown') as age_band,
        people.first_date >= people.period_start as is_first_time
    from people
    left join more using ({{ keys }})
    left join {{ ref('int_person_age_band') }} as age_bands
        on people.person_number = age_bands.person_number
        and {{ valid_on('age_bands.valid_from', 'age_bands.valid_to', '(people.period_end - 1)') }}
)

select * from kpi_person_in_period
