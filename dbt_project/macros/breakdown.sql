{# One copy of each row for the total and one for each breakdown: adds breakdown_type and breakdown_value.
   Unknown is a member, so that the members of a breakdown add up to the total.

   breakdowns: {type: column}. #}
{% macro broken_down(relation, breakdowns) -%}
    (
        select *, 'none' as breakdown_type, 'total' as breakdown_value from {{ relation }}
        {%- for type, column in breakdowns.items() %}
        union all
        select *, '{{ type }}' as breakdown_type, coalesce({{ column }}, 'unknown') as breakdown_value from {{ relation }}
        {%- endfor %}
    )
{%- endmacro %}

{# Columns of sums → rows (component, amount). Amounts are decimals, so that sums do not depend on the order of rows. #}
{% macro component_rows(relation, components) -%}
    (
        select * from {{ relation }}
        unpivot (amount for component in ({{ components | join(", ") }}))
    )
{%- endmacro %}

{% macro component_sum(expression) -%}
    cast(sum({{ expression }}) as decimal(38, 9))
{%- endmacro %}

{# The places at and above the place of each row, as ancestors.ancestor_place_key and ancestors.tree: the one way up the tree.

   A month belongs as a whole to the tree as it is on the last day of the month, for rows with a day as for sums by month: the
   parts of a rate are never of two trees, and longer periods are the sums of their months. `day`: any day of the month. #}
{% macro join_ancestors(rows_alias, day) -%}
    inner join {{ ref('int_place_ancestor') }} as ancestors
        on {{ rows_alias }}.place_key = ancestors.place_key
        and {{ valid_on('ancestors.counts_from', 'ancestors.counts_to', 'last_day(' ~ day ~ ')') }}
{%- endmacro %}

{# The rows of a fact at every place above them and in every period of `date_column`: for what does not add up. #}
{% macro at_every_level(relation, date_column) -%}
    (
        select
            facts.*, ancestors.ancestor_place_key, periods.period_type, periods.period_start, periods.period_end
        from {{ relation }} as facts
        {{ join_ancestors('facts', 'facts.' ~ date_column) }}
        inner join {{ ref('int_period') }} as periods
            on ancestors.tree = periods.tree and date_trunc('month', facts.{{ date_column }})::date = periods.period_month
    )
{%- endmacro %}

{# Components at every level and period as columns: one row per place, period, breakdown member and currency, NULL where nothing
   has a say. For what is made of several components in another way than one over the other. #}
{% macro components_side_by_side(components) -%}
    (
        select
            place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, currency,
            max(as_of_date) as as_of_date,
            {% for component in components -%}
            sum(amount) filter (where component = '{{ component }}')::double as {{ component }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ ref('kpi_component_rollup') }}
        where component in ('{{ components | join("', '") }}')
        group by place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, currency
    )
{%- endmacro %}
