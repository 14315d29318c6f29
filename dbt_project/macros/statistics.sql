{# Quantile of the standard normal distribution at 0.975, as a double (a decimal literal overflows in powers). #}
{% macro z_975() -%} 1.959963984540054e0 {%- endmacro %}

{# Wilson score interval of a proportion (Wilson 1927), one end: sign -1 for the lower, +1 for the upper one. #}
{% macro wilson(successes, n, sign) -%}
    case when {{ n }} > 0 then
        (
            {{ successes }} / {{ n }} + {{ z_975() }} * {{ z_975() }} / (2 * {{ n }})
            + {{ sign }} * {{ z_975() }} * sqrt(
                greatest({{ successes }} / {{ n }} * (1 - {{ successes }} / {{ n }}), 0) / {{ n }}
                + {{ z_975() }} * {{ z_975() }} / (4 * {{ n }} * {{ n }})
            )
        ) / (1 + {{ z_975() }} * {{ z_975() }} / {{ n }})
    end
{%- endmacro %}

{# Median of numbers (the mean of the two in the middle where their count is even), and its distribution-free 95 % interval:
   the order statistics at n/2 ± z·√n/2 (Conover 1999, 3.2), NULL where the sample is too small to have such an end.

   relation has the `keys` and a number; gives, per keys: n, median, lower, upper. No list of all numbers is made: that would have
   to fit into memory. #}
{% macro medians(relation, keys, number) -%}
    {%- set by = keys | join(", ") -%}
    (
        with ordered as (
            select {{ by }}, {{ number }} as number, row_number() over (partition by {{ by }} order by {{ number }}) as position
            from {{ relation }}
        ),
        positions as (
            select
                {{ by }}, n,
                floor((n + 1) / 2)::bigint as middle, floor(n / 2)::bigint + 1 as next_middle,
                floor(n / 2 - {{ z_975() }} * sqrt(n) / 2)::bigint as lower_end,
                ceil(1 + n / 2 + {{ z_975() }} * sqrt(n) / 2)::bigint as upper_end
            from (select {{ by }}, count(*) as n from {{ relation }} group by {{ by }}) as sizes
        )
        select
            {{ by }}, max(n) as n,
            (max(number) filter (where position = middle) + max(number) filter (where position = next_middle)) / 2 as median,
            max(number) filter (where position = lower_end) as lower,
            max(number) filter (where position = upper_end) as upper
        from ordered
        inner join positions using ({{ by }})
        where position in (middle, next_middle, lower_end, upper_end)
        group by {{ by }}
    )
{%- endmacro %}

{# Student's t at 0.975: exact values from the seed up to its last row (`tabled`), the Cornish–Fisher expansion beyond
   (Abramowitz & Stegun 26.7.5; error below 1e-10 there). #}
{% macro student_t_975(degrees_of_freedom, tabled) -%}
    {%- set z = z_975() -%}
    {%- set v = degrees_of_freedom -%}
    coalesce({{ tabled }},
        {{ z }}
        + (power({{ z }}, 3) + {{ z }}) / (4 * {{ v }})
        + (5 * power({{ z }}, 5) + 16 * power({{ z }}, 3) + 3 * {{ z }}) / (96 * power({{ v }}, 2))
        + (3 * power({{ z }}, 7) + 19 * power({{ z }}, 5) + 17 * power({{ z }}, 3) - 15 * {{ z }}) / (384 * power({{ v }}, 3))
        + (79 * power({{ z }}, 9) + 776 * power({{ z }}, 7) + 1482 * power({{ z }}, 5) - 1920 * power({{ z }}, 3) - 945 * {{ z }})
            / (92160 * power({{ v }}, 4))
    )
{%- endmacro %}

{# Half of the 95 % t interval of a mean, from the sum and the sum of squares of n numbers; NULL for fewer than two. #}
{% macro mean_half_width(sum, sum_of_squares, n, tabled) -%}
    case when {{ n }} > 1 then
        {{ student_t_975('(' ~ n ~ ' - 1)', tabled) }}
        * sqrt(greatest({{ sum_of_squares }} - {{ sum }} * {{ sum }} / {{ n }}, 0) / ({{ n }} - 1) / {{ n }})
    end
{%- endmacro %}

{# Half of the 95 % normal interval of a mean of −1, 0 and 1 (a net score), from their sum and sum of squares. Its variance is
   that of the three shares, (p + d − (p − d)²) / n. #}
{% macro net_half_width(sum, sum_of_squares, n) -%}
    case when {{ n }} > 0 then
        {{ z_975() }} * sqrt(greatest({{ sum_of_squares }} / {{ n }} - power({{ sum }} / {{ n }}, 2), 0) / {{ n }})
    end
{%- endmacro %}

{# Kaplan–Meier (1958) over right-censored durations.

   relation has the `keys`, `duration` (≥ 0) and `is_event`. Gives, per keys and time: survival S(t), and its 95 % interval on
   the log(−log) scale with Greenwood's variance (Kalbfleisch & Prentice). Once nobody is left, S and its lower end are 0 and
   the upper end is not known (as in R's survfit; lifelines prints 0 for it). #}
{% macro kaplan_meier(relation, keys) -%}
    {%- set by = keys | join(", ") -%}
    (
        with times as (
            select {{ by }}, duration, count(*) filter (where is_event) as events, count(*) as leaving
            from {{ relation }}
            group by {{ by }}, duration
        ),
        at_risk as (
            select *, (sum(leaving) over (partition by {{ by }} order by duration desc))::bigint as at_risk
            from times
        ),
        cumulated as (
            select
                *,
                sum(case when events < at_risk then ln(1 - events / at_risk) else 0 end) over so_far as log_survival,
                -- True of the last time alone.
                events = at_risk as is_nobody_left,
                sum(case when events < at_risk then events / (at_risk * (at_risk - events)) end) over so_far as greenwood
            from at_risk
            window so_far as (partition by {{ by }} order by duration)
        )
        select
            {{ by }}, duration, events, at_risk,
            case when is_nobody_left then 0 else exp(log_survival) end as survival,
            case when is_nobody_left then 0 when log_survival < 0
                then exp(-exp(ln(-log_survival) - {{ z_975() }} * sqrt(greenwood) / log_survival)) end as survival_lower,
            case when not is_nobody_left and log_survival < 0
                then exp(-exp(ln(-log_survival) + {{ z_975() }} * sqrt(greenwood) / log_survival)) end as survival_upper
        from cumulated
    )
{%- endmacro %}

{# The smallest time at which a survival column is at or below a level; NULL when it stays above. Products of fractions
   miss a level by rounding, hence the tolerance. #}
{% macro first_time_at_or_below(column, level) -%}
    min(duration) filter (where {{ column }} <= {{ level }} + 1e-12)
{%- endmacro %}

{# Difference of two independent proportions, interval by Newcombe (1998, method 10) from their Wilson intervals, one end:
   sign -1 for the lower, +1 for the upper one. `first` and `second` are (successes, n). #}
{% macro newcombe(first_successes, first_n, second_successes, second_n, sign) -%}
    case when {{ first_n }} > 0 and {{ second_n }} > 0 then
        {{ first_successes }} / {{ first_n }} - {{ second_successes }} / {{ second_n }}
        + {{ sign }} * sqrt(
            power({{ wilson(first_successes, first_n, sign) }} - {{ first_successes }} / {{ first_n }}, 2)
            + power({{ wilson(second_successes, second_n, -sign) }} - {{ second_successes }} / {{ second_n }}, 2)
        )
    end
{%- endmacro %}

{# Sums of doubles depend on the order of the rows; those of decimals do not.

   Gini coefficient: the mean absolute difference of all pairs over twice the mean, in the form that sorts (n log n).

   relation has the `keys` and a number ≥ 0; gives, per keys: n, total, gini. No total, no coefficient. #}
{% macro gini(relation, keys, number) -%}
    {%- set by = keys | join(", ") -%}
    (
        select
            {{ by }}, count(*) as n, sum({{ number }}::decimal(38, 12))::double as total,
            case when sum({{ number }}::decimal(38, 12)) > 0
                then 2 * sum((position * {{ number }})::decimal(38, 6))::double
                    / (count(*) * sum({{ number }}::decimal(38, 12))::double) - (count(*) + 1e0) / count(*)
            end as gini
        from (
            select {{ by }}, {{ number }}, row_number() over (partition by {{ by }} order by {{ number }}) as position
            from {{ relation }}
        )
        group by {{ by }}
    )
{%- endmacro %}

{# Diversity (Simpson 1949): 1 − Σ share², the chance that two units drawn at random are of different members.

   relation has the `keys` and one number ≥ 0 per member; gives, per keys: total, diversity. No total, no diversity. #}
{% macro diversity(relation, keys, number) -%}
    (
        select
            {{ keys | join(", ") }}, sum({{ number }}::decimal(38, 12))::double as total,
            case when sum({{ number }}::decimal(38, 12)) > 0
                then 1 - sum(power({{ number }}::double, 2)::decimal(38, 9))::double
                    / power(sum({{ number }}::decimal(38, 12))::double, 2)
            end as diversity
        from {{ relation }}
        group by {{ keys | join(", ") }}
    )
{%- endmacro %}

{# The denominator of the response rate RR1 of AAPOR (Standard Definitions): (I + P) + (R + NC + O) + (UH + UO); a disposition
   that nobody counted is taken as none. Its numerator is completed_count (I). #}
{% macro aapor_eligible_count() -%}
    (
        {%- for disposition in ['completed', 'partial', 'refusal', 'noncontact', 'other', 'unknown_household', 'unknown_other'] %}
        coalesce({{ disposition }}_count, 0){{ " +" if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
