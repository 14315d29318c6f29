{# Sums of components → sums of metrics, by the roles that components have in them (seeds/metric_catalogue.csv).

   rollup: component, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, currency, amount, as_of_date. #}
{% macro metric_sums(rollup) -%}
    (
        with roles as (
            {% for role in ['numerator', 'denominator', 'sum_of_squares', 'n'] -%}
            select metric_code, breakdowns, '{{ role }}' as role, {{ role }}_component as component
            from {{ ref('metric_catalogue') }}
            where {{ role }}_component is not null and statistic in ('{{ added_up() | join("', '") }}')
            {% if not loop.last %}union all{% endif %}
            {% endfor %}
        )
        select
            roles.metric_code,
            rollup_rows.place_key, rollup_rows.period_type, rollup_rows.period_start, rollup_rows.period_end,
            rollup_rows.breakdown_type, rollup_rows.breakdown_value, rollup_rows.currency,
            {% for role in ['numerator', 'denominator', 'sum_of_squares', 'n'] -%}
            sum(rollup_rows.amount) filter (where roles.role = '{{ role }}')::double as {{ role }},
            {% endfor -%}
            max(rollup_rows.as_of_date) as as_of_date
        from {{ rollup }} as rollup_rows
        inner join roles
            on rollup_rows.component = roles.component
            and array_contains({{ parts_of('roles.breakdowns', '|') }}, rollup_rows.breakdown_type)
        group by all
    )
{%- endmacro %}

{# The statistics whose components add up over places, months and members. #}
{% macro added_up() -%}
    {{ return(['count', 'sum', 'ratio', 'proportion', 'mean', 'net_promoter', 'weighted_proportion']) }}
{%- endmacro %}

{# Sums of metrics → numerator, denominator, value and interval, by the statistic that the catalogue names. `sums`: see metric_sums;
   it may have n, sum_of_squares and is_left_censored: whether something before the first record could change the value. #}
{% macro metric_values(sums) -%}
    {%- set without_base = "('count', 'sum', 'distinct', 'stock')" -%}
    {%- set columns = [
        'metric_code', 'place_key', 'period_type', 'period_start', 'period_end', 'breakdown_type', 'breakdown_value', 'currency',
        'as_of_date', 'numerator', 'denominator',
    ] -%}
    (
        with catalogue as (
            select * from {{ ref('metric_catalogue') }}
        ),

        with_statistic as (
            select
                {% for column in columns %}complete.{{ column }}, {% endfor %}
                complete.sum_of_squares, complete.is_left_censored,
                coalesce(complete.n, case when catalogue.n_component is not null then 0 end) as n,
                catalogue.statistic, t_quantile.t_975
            from {{ with_optional(
                sums, columns, {'n': 'double', 'sum_of_squares': 'double', 'is_left_censored': 'boolean'}
            ) }} as complete
            inner join catalogue on complete.metric_code = catalogue.metric_code
            left join {{ ref('t_quantile') }} as t_quantile
                on catalogue.statistic = 'mean' and t_quantile.degrees_of_freedom = complete.denominator - 1
        ),

        -- A rate comes from the sums, never from rates; without a base there is no rate (rules 1 and 2).
        from_sums as (
            select
                metric_code, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, currency,
                as_of_date,
                statistic,
                case when statistic in {{ without_base }} then numerator else coalesce(numerator, 0) end as numerator,
                case when statistic not in {{ without_base }} then coalesce(denominator, 0) end as denominator,
                case
                    when statistic in {{ without_base }} then numerator
                    when denominator > 0 then coalesce(numerator, 0) / denominator * if(statistic = 'net_promoter', 100, 1)
                end as value,
                coalesce(n, case
                    when statistic = 'sum' then null
                    when statistic in {{ without_base }} then numerator
                    else coalesce(denominator, 0)
                end) as n,
                coalesce(is_left_censored, false) as is_left_censored,
                -- Kish's effective number of answers (1965): how many equally weighted ones would tell as much.
                case when statistic = 'weighted_proportion'
                    then denominator * denominator / nullif(sum_of_squares, 0) end as effective_n,
                sum_of_squares, t_975
            from with_statistic
        )
        select
            metric_code, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, currency, as_of_date,
            numerator, denominator, value, is_left_censored,
            case when statistic = 'weighted_proportion' then round(coalesce(effective_n, 0)) else n end as n,
            {% for end, sign in {'lower': -1, 'upper': 1}.items() -%}
            case statistic
                when 'proportion' then {{ wilson('numerator', 'denominator', sign) }}
                when 'weighted_proportion' then {{ wilson('(value * effective_n)', 'effective_n', sign) }}
                when 'mean' then value + {{ sign }} * {{ mean_half_width('numerator', 'sum_of_squares', 'denominator', 't_975') }}
                when 'net_promoter' then value + {{ sign }} * 100 * {{ net_half_width('numerator', 'sum_of_squares', 'denominator') }}
            end as {{ end }},
            {% endfor -%}
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
        when {{ rows }}.is_left_censored then 'partial'
        else 'ok'
    end
{%- endmacro %}
