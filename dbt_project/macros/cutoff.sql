{# The periods of each tree as far as something is known of them, for what is counted at their end.

   known: relation with tree and as_of_date, the last local day that is known. Gives tree, period_type, period_start, period_end,
   as_of_date and cutoff_date, the first day that no longer counts: the end of the period, or the day after as_of_date when that
   is earlier. A period that begins after as_of_date is not there. #}
{% macro periods_up_to(known) -%}
    (
        select distinct
            periods.tree, periods.period_type, periods.period_start, periods.period_end, known.as_of_date,
            least(periods.period_end, known.as_of_date + 1) as cutoff_date
        from {{ ref('int_period') }} as periods
        inner join {{ known }} as known on periods.tree = known.tree and periods.period_start <= known.as_of_date
    )
{%- endmacro %}
