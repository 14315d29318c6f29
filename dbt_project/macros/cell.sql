{# Rows that do not add up are copied for every place and period above them, and for every member of a breakdown. What is copied and
   sorted most has to be narrow: a cell is two numbers, `spot_no` (place and period) and `member_no`, in place of six texts and days.

   The places and periods that the months of a relation (place_key, period_month) count in; see at_every_level. #}
{% macro numbered_spots(relation) -%}
    (
        select
            *,
            dense_rank() over (order by ancestor_place_key, period_type, period_start, period_end)::integer as spot_no
        from {{ at_every_level('(select distinct place_key, period_month from ' ~ relation ~ ')', 'period_month') }}
    )
{%- endmacro %}

{# The members of breakdowns ({type: column}) that the rows of a relation belong to, by the columns of these breakdowns; where
   there are `keys`, each of their own. #}
{% macro numbered_members(relation, breakdowns, keys=[]) -%}
    {%- set columns = (keys + (breakdowns.values() | list)) | join(', ') -%}
    (
        select *, dense_rank() over (order by {{ (keys + ['breakdown_type', 'breakdown_value']) | join(', ') }})::integer as member_no
        from {{ broken_down('(select distinct ' ~ columns ~ ' from ' ~ relation ~ ')', breakdowns) }}
    )
{%- endmacro %}
