{% set one_year_on = 'founded_date + interval 12 month' %}

with dated as (
    {% for event in ['founded', 'graduated', 'dissolved'] -%}
    select '{{ event }}' as event, {{ event }}_date as event_date, * from {{ ref('int_team') }} where {{ event }}_date is not null
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

kpi_row_team as (
    select
        place_key, date_trunc('month', event_date)::date as period_month, null::string as currency,
        {% for event in ['founded', 'graduated', 'dissolved'] -%}
        case when event = '{{ event }}' then 1 end as teams_{{ event }},
        {% endfor -%}
        case when event = 'founded' and {{ one_year_on }} <= as_of_date + 1 then 1 end as teams_watched_for_a_year,
        case when event = 'founded' and {{ one_year_on }} <= as_of_date + 1
            then (dissolved_date is null or dissolved_date >= {{ one_year_on }})::integer end as teams_alive_after_a_year,
        as_of_date, source, file_id, row_no
    from dated
)

select * from kpi_row_team
