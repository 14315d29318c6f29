{# Sums of components → sums of metrics, by the roles that components have in them (seeds/metric_catalogue.csv).

   rollup: component, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, currency, amount,
   as_of_date. #}
{% macro metric_sums(rollup) -%}
    (
        with roles as (
            {% for role in ['numerator', 'denominator', 'sum_of_squares', 'n'] -%}
            select metric_code, breakdowns, '{{ role }}' as role, {{ role }}_component as component
            from {{ ref('metric_catalogue') }}
            where {{ role }}_component is not null
            {% if not loop.last %}union all{% endif %}
            {% endfor %}
        )
        select
            roles.metric_code,
            rollup_rows.place_key, rollup_rows.period_type, rollup_rows.period_start, rollup_rows.period_end,
            rollup_rows.breakdown_type, rollup_rows.breakdown_value, rollup_rows.currency,
            {% for role in ['numerator', 'denominator', 'sum_of_squares', 'n'] -%}
            sum(rollup_rows.amount) filter (roles.role = '{{ role }}')::double as {{ role }},
            {% endfor -%}
            max(rollup_rows.as_of_date) as as_of_date
        from {{ rollup }} as rollup_rows
        inner join roles
            on rollup_rows.component = roles.component
            and list_contains(string_split(roles.breakdowns, '|'), rollup_rows.breakdown_type)
        group by all
    )
{%- endmacro %}

{# Sums of metrics → numerator, denominator, value and interval, by the statistic that the catalogue names.

   additive: as metric_sums gives them. #}
{% macro metric_values(additive) -%}
    (
        with catalogue as (
            select * from {{ ref('metric_catalogue') }}
        ),

        sums as (
            select additive_rows.*, catalogue.statistic, t_quantile.t_975
            from {{ additive }} as additive_rows
            inner join catalogue on additive_rows.metric_code = catalogue.metric_code
            left join {{ ref('t_quantile') }} as t_quantile
                on catalogue.statistic = 'mean' and t_quantile.degrees_of_freedom = additive_rows.denominator - 1
        ),

        -- A rate comes from the sums, never from rates; without a base there is no rate (rules 1 and 2).
        from_sums as (
            select
                metric_code, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, currency,
                as_of_date, statistic,
                case when statistic in ('count', 'sum') then numerator else coalesce(numerator, 0) end as numerator,
                case when statistic not in ('count', 'sum') then coalesce(denominator, 0) end as denominator,
                case
                    when statistic in ('count', 'sum') then numerator
                    when denominator > 0 then coalesce(numerator, 0) / denominator
                end as value,
                case statistic when 'count' then numerator when 'sum' then n else coalesce(denominator, 0) end as n,
                case when statistic = 'mean' and denominator > 1 then
                    {{ student_t_975('(denominator - 1)', 't_975') }}
                    * sqrt(greatest(sum_of_squares - numerator * numerator / denominator, 0) / (denominator - 1) / denominator)
                end as half_width
            from sums
        )
        select
            metric_code, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, currency, as_of_date,
            numerator, denominator, value, n,
            case statistic
                when 'proportion' then {{ wilson('numerator', 'denominator', -1) }}
                when 'mean' then value - half_width
            end as lower,
            case statistic
                when 'proportion' then {{ wilson('numerator', 'denominator', 1) }}
                when 'mean' then value + half_width
            end as upper,
            false as is_not_reached
        from from_sums
    )
{%- endmacro %}

{# What to think of a value. `rows`: alias of the values, `catalogue`: alias of the metric catalogue. #}
{% macro value_status(rows, catalogue) -%}
    case
        when {{ rows }}.is_not_reached then 'not_reached'
        when {{ rows }}.value is null then 'no_base'
        when {{ rows }}.n < {{ catalogue }}.minimum_n then 'low_n'
        when {{ rows }}.period_type in ('month', 'quarter', 'year') and {{ rows }}.period_end > {{ rows }}.as_of_date + 1
            then 'partial'
        else 'ok'
    end
{%- endmacro %}
