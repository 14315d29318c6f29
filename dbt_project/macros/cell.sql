{# A row is copied for every place and period that it counts in, and for every member of a breakdown. What is copied, sorted and
   grouped most has to be narrow: `spot_no` (a place and period) and `member_no` stand for six texts and days.

   The places and periods that the months of a relation (place_key, period_month) count in; see at_every_level. #}
{% macro numbered_spots(relation) -%}
    (
        select
            *,
            dense_rank() over (order by ancestor_place_key, period_type, period_start, period_end)::integer as spot_no
        from {{ at_every_level('(select distinct place_key, period_month from ' ~ relation ~ ')', 'period_month') }}
    )
{%- endmacro %}

{# What the numbers of numbered_spots stand for. #}
{% macro places_and_periods(spots) -%}
    (select distinct spot_no, ancestor_place_key as place_key, period_type, period_start, period_end from {{ spots }})
{%- endmacro %}

{# The members of breakdowns ({type: column}) that the rows of a relation belong to, by the columns of these breakdowns; where
   there are `keys`, each of their own. #}
{% macro numbered_members(relation, breakdowns, keys=[]) -%}
    {%- set columns = (keys + (breakdowns.values() | list)) | join(', ') -%}
    (
        select
            *,
            dense_rank() over (order by {{ (keys + ['breakdown_type', 'breakdown_value']) | join(', ') }})::integer as member_no
        from {{ broken_down('(select distinct ' ~ columns ~ ' from ' ~ relation ~ ')', breakdowns) }}
    )
{%- endmacro %}
