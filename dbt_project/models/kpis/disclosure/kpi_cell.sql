with shown as (
    select
        components.component,
        computed.place_key, computed.period_type, computed.period_start, computed.period_end,
        computed.breakdown_type, computed.breakdown_value, computed.currency,
        components.statistic = 'distinct' as is_distinct,
        case components.shown_in when 'numerator' then computed.numerator when 'denominator' then computed.denominator
            else computed.n end as amount,
        case when components.statistic = 'proportion' and components.shown_in = 'numerator' then computed.denominator end as whole
    from {{ ref('kpi_computed') }} as computed
    inner join {{ ref('kpi_people_component') }} as components on computed.metric_code = components.metric_code
),

counted as (
    select
        component, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, currency,
        max(amount) as amount,
        min(whole) as whole,
        bool_or(is_distinct) as is_distinct,
        -- A distinct count has a row only where something took place: its zero says that somebody there stayed unnamed.
        min(case when is_distinct then greatest(amount, 1) else least(nullif(amount, 0), nullif(whole - amount, 0)) end)
            as exposed_count
    from shown
    where amount is not null
    group by all
),

kpi_cell as (
    select
        row_number() over (
            order by component, place_key, period_type, period_start, period_end, breakdown_type, breakdown_value, currency
        ) as cell_no,
        *
    from counted
)

select * from kpi_cell
