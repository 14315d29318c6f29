{% set member = ['breakdown_type', 'breakdown_value'] %}
{% set period = ['period_type', 'period_start', 'period_end'] %}

with shown as (
    select
        components.component,
        computed.place_key,
        {% for column in period + member %}computed.{{ column }}, {% endfor %}
        components.statistic,
        case components.shown_in when 'numerator' then computed.numerator when 'denominator' then computed.denominator
            when 'n' then computed.n end as amount,
        case when components.statistic = 'proportion' and components.shown_in = 'numerator' then computed.denominator end as whole
    from {{ ref('kpi_computed') }} as computed
    inner join {{ ref('kpi_people_component') }} as components on computed.metric_code = components.metric_code
    where components.is_count
),

-- Whose proportions only a difference shows.
compared_shares as (
    {% for counted, whole in {'answers_wanting': 'answers_on_need', 'answers_having': 'answers_on_having'}.items() -%}
    select '{{ counted }}' as component, place_key, {{ (period + member) | join(', ') }}, {{ counted }} as amount, {{ whole }} as whole
    from {{ components_side_by_side([counted, whole]) }}
    where breakdown_type = 'topic'
    union all
    select '{{ whole }}', place_key, {{ (period + member) | join(', ') }}, {{ whole }}, null
    from {{ components_side_by_side([counted, whole]) }}
    where breakdown_type = 'topic'
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

counted as (
    select
        component, place_key, {{ (period + member) | join(', ') }},
        -- A count that is only ever distinct has a row where something took place: its zero says that somebody stayed unnamed.
        bool_and(coalesce(statistic = 'distinct', false)) as hides_zero,
        coalesce(bool_or(statistic = 'stock'), false) as is_stock,
        max(round(amount))::bigint as amount,
        min(round(whole))::bigint as whole
    from (
        select component, place_key, {{ (period + member) | join(', ') }}, statistic, amount, whole from shown
        union all
        select component, place_key, {{ (period + member) | join(', ') }}, null as statistic, amount, whole from compared_shares
    )
    where amount is not null
    group by all
),

-- Distinct people do not add up over months; what is counted at the end of a period is what the last month counts.
longer as (
    select
        wholes.component, wholes.amount,
        coalesce(sum(parts.amount), 0) as sum_of_months,
        max_by(parts.amount, parts.period_start) as last_month
    from counted as wholes
    left join counted as parts
        on parts.period_type = 'month' and wholes.period_start <= parts.period_start and parts.period_end <= wholes.period_end
        {{ and_same(['component', 'place_key', 'breakdown_type', 'breakdown_value']) }}
    where wholes.period_type in ('quarter', 'year', 'all')
    group by wholes.component, wholes.place_key, {% for column in period + member %}wholes.{{ column }}, {% endfor %}
        wholes.amount
),

below as (
    select
        parts.component, parents.ancestor_place_key as place_key,
        {% for column in period + member %}parts.{{ column }}, {% endfor %}
        sum(parts.amount) as amount, sum(parts.whole) as whole
    from counted as parts
    inner join {{ ref('int_place_ancestor') }} as parents
        on parts.place_key = parents.place_key and parents.distance = 1
        and {{ valid_on('parents.counts_from', 'parents.counts_to', 'last_day(parts.period_end - 1)') }}
    group by all
),

compared as (
    select
        wholes.*, wholes.amount - coalesce(parts.amount, 0) as own_amount, wholes.whole - coalesce(parts.whole, 0) as own_whole
    from counted as wholes
    left join below as parts
        on true {{ and_same(['component', 'place_key', 'period_type', 'period_start', 'breakdown_type', 'breakdown_value']) }}
),

behaviours as (
    select
        components.component,
        components.is_stock
            or coalesce(bool_and(amount is not distinct from last_month) and not bool_and(amount = sum_of_months), false) as is_stock,
        coalesce(bool_and(amount = sum_of_months), true)
            and components.component not in (
                select component from compared where own_amount < 0 and period_type in ('month', 'wave')
            ) as is_additive
    from (select component, bool_or(is_stock) as is_stock from counted group by component) as components
    left join longer on components.component = longer.component
    group by components.component, components.is_stock
),

-- Records of a place itself, and of none below it: nobody publishes them, and they follow from what is.
own_months as (
    select
        component, place_key, {{ (period + member) | join(', ') }}, hides_zero, own_amount as amount, own_whole as whole
    from compared
    where period_type in ('month', 'wave') and (own_amount > 0 or own_amount = 0 and own_whole > 0)
        and component in (select component from behaviours where is_additive)
        and place_key in (select ancestor_place_key from {{ ref('int_place_ancestor') }} where distance = 1)
),

own as (
    select * from own_months
    union all
    select
        wholes.component, wholes.place_key, {% for column in period + member %}wholes.{{ column }}, {% endfor %}
        wholes.hides_zero, sum(parts.amount) as amount, sum(parts.whole) as whole
    from counted as wholes
    inner join own_months as parts
        on parts.period_type = 'month' and wholes.period_start <= parts.period_start and parts.period_end <= wholes.period_end
        {{ and_same(['component', 'place_key', 'breakdown_type', 'breakdown_value']) }}
    where wholes.period_type in ('quarter', 'year', 'all')
    group by all
),

of_places as (
    select
        component, place_key, true as is_shown, {{ (period + member) | join(', ') }}, hides_zero, amount, whole
    from counted
    union all
    select
        component, place_key || ' (own)', false, {{ (period + member) | join(', ') }}, hides_zero, amount, whole
    from own
),

-- Whom a count has beyond the counts that it is made of, as the attendances without a known headcount.
rests as (
    select
        parts.relation || ' (rest)' as component, wholes.place_key,
        {% for column in period + member %}wholes.{{ column }}, {% endfor %}
        any_value(wholes.amount) - sum(members.amount) as amount
    from of_places as wholes
    inner join {{ ref('count_part') }} as parts
        on wholes.component = parts.whole_component
        and (parts.whole_member is null or wholes.breakdown_value = parts.whole_member)
    inner join of_places as members
        on parts.part_component = members.component and wholes.breakdown_type = members.breakdown_type
        and coalesce(parts.part_member, wholes.breakdown_value) = members.breakdown_value
        and wholes.place_key = members.place_key
        and wholes.period_type = members.period_type and wholes.period_start = members.period_start
        and wholes.period_end = members.period_end
    group by all
),

cells as (
    select component, place_key, is_shown, {{ (period + member) | join(', ') }}, hides_zero, amount, whole from of_places
    union all
    select component, place_key, false as is_shown, {{ (period + member) | join(', ') }}, false as hides_zero, amount, null as whole
    from rests
    where amount > 0
),

kpi_cell as (
    select
        row_number() over (
            order by cells.component, cells.place_key, cells.period_type, cells.period_start, cells.breakdown_type,
                cells.breakdown_value
        ) - 1 as cell_no,
        cells.component,
        cells.place_key,
        {% for column in period + member %}cells.{{ column }}, {% endfor %}
        cells.is_shown,
        coalesce(behaviours.is_additive, false) as is_additive,
        coalesce(behaviours.is_stock, false) as is_stock,
        cells.hides_zero and not behaviours.is_stock as hides_zero,
        cells.amount::bigint as amount,
        cells.whole::bigint as whole,
        case
            when cells.hides_zero and not behaviours.is_stock then greatest(cells.amount, 1)
            -- Of a proportion of 0 everybody is in the rest: the whole, which is a count of its own.
            when cells.amount = 0 then null
            else least(nullif(cells.amount, 0), nullif(cells.whole - cells.amount, 0))
        end::bigint as exposed_count
    from cells
    left join behaviours on cells.component = behaviours.component
)

select * from kpi_cell
