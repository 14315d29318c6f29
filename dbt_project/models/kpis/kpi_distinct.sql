with donations as (
    select * from {{ ref('fct_money') }} where kind = 'donation'
),

-- Rule 11: people are counted anew at each level, never added. Anonymous gifts have no donor key and count nobody.
kpi_distinct as (
    select
        'F01.donors' as metric_code, ancestor_place_key as place_key, period_type, period_start, period_end,
        'none' as breakdown_type, 'total' as breakdown_value,
        count(distinct counterparty_key) as numerator,
        max(as_of_date) as as_of_date
    from {{ at_every_level('donations', 'money_date') }}
    group by all
)

select * from kpi_distinct
