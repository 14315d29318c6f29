{% set key = ['period_type', 'period_start', 'period_end', 'breakdown_type', 'breakdown_value', 'currency'] %}
{% set exposed_count = "case when is_distinct then greatest(amount, 1) else least(nullif(amount, 0), nullif(whole - amount, 0)) end" %}

with shown as (
    select
        components.component,
        computed.place_key,
        {% for column in key %}computed.{{ column }}, {% endfor %}
        components.statistic = 'distinct' as is_distinct,
        components.statistic = 'stock' as is_stock,
        case components.shown_in when 'numerator' then computed.numerator when 'denominator' then computed.denominator
            else computed.n end as amount,
        case when components.statistic = 'proportion' and components.shown_in = 'numerator' then computed.denominator end as whole
    from {{ ref('kpi_computed') }} as computed
    inner join {{ ref('kpi_people_component') }} as components on computed.metric_code = components.metric_code
    where components.is_count
),

counted as (
    select
        component, place_key, {{ key | join(', ') }}, true as is_shown,
        bool_or(is_distinct) as is_distinct,
        bool_or(is_stock) as is_stock,
        max(round(amount))::bigint as amount,
        min(round(whole))::bigint as whole
    from shown
    where amount is not null
    group by all
),

-- Records of a place itself, and of none below it: nobody publishes them, and they follow from what is.
own as (
    select
        places.component, places.place_key || ' (own)' as place_key, {% for column in key %}places.{{ column }}, {% endfor %}
        false as is_shown,
        places.is_distinct,
        places.is_stock,
        places.amount - coalesce(sum(below.amount), 0) as amount,
        places.whole - coalesce(sum(below.whole), 0) as whole
    from counted as places
    inner join (select distinct ancestor_place_key from {{ ref('int_place_ancestor') }} where distance = 1) as parents
        on places.place_key = parents.ancestor_place_key
    left join (
        select counted.*, ancestors.ancestor_place_key
        from counted
        inner join {{ ref('int_place_ancestor') }} as ancestors
            on counted.place_key = ancestors.place_key and ancestors.distance = 1
    ) as below
        on places.place_key = below.ancestor_place_key and places.component = below.component
        and places.period_type = below.period_type and places.period_start = below.period_start
        and places.breakdown_type = below.breakdown_type and places.breakdown_value = below.breakdown_value
        and places.currency is not distinct from below.currency
    where not places.is_distinct
    group by places.component, places.place_key, {% for column in key %}places.{{ column }}, {% endfor %}
        places.is_distinct, places.is_stock, places.amount, places.whole
    having places.amount > coalesce(sum(below.amount), 0)
),

kpi_cell as (
    select
        row_number() over (
            order by component, place_key, period_type, period_start, breakdown_type, breakdown_value, currency
        ) - 1 as cell_no,
        *,
        -- A distinct count has a row only where something took place: its zero says that somebody there stayed unnamed.
        {{ exposed_count }} as exposed_count
    from (select * from counted union all by name select * from own)
)

select * from kpi_cell
