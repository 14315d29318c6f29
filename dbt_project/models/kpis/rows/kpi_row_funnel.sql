{# The main way of the life-cycle; who was absent or cancelled had registered. #}
{% set stages = ['invited', 'registered', 'attended', 'recorded'] %}

with reached as (
    select
        *,
        case
            when state = 'invited' then 1
            when state in ('registered', 'absent', 'cancelled') then 2
            when state = 'attended' then 3
            when state in ('recorded', 'points_posted', 'redeemed', 'completed') then 4
        end as last_stage_no
    from {{ ref('fct_participation') }}
    where kind in ('attendance', 'enrolment', 'volunteer_shift')
),

kpi_row_funnel as (
    select
        reached.place_key, date_trunc('month', reached.participation_date)::date as period_month, stages.stage,
        null::string as currency,
        case when reached.last_stage_no >= stages.stage_no then reached.head_count else 0 end as stage_reached,
        reached.head_count as previous_stage_reached,
        reached.as_of_date, reached.source, reached.file_id, reached.row_no
    from reached
    inner join (
        values {% for stage in stages[1:] %}('{{ stage }}', {{ loop.index + 1 }}){{ ', ' if not loop.last }}{% endfor %}
    ) as stages (stage, stage_no) on reached.last_stage_no >= stages.stage_no - 1
)

select * from kpi_row_funnel
