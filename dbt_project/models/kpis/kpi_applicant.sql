with applications as (
    select * from {{ ref('kpi_row_application') }} where applicant_key is not null
),

-- Rule 11: an applicant is counted anew at each level; first is who never applied in the whole tree before.
kpi_applicant as (
    select
        'F10.first_time' as metric_code, ancestor_place_key as place_key, period_type, period_start, period_end,
        'none' as breakdown_type, 'total' as breakdown_value, null::string as currency,
        count(distinct applicant_key) filter (where first_opened_date >= period_start) as numerator,
        count(distinct applicant_key) as denominator,
        max(as_of_date) as as_of_date
    from {{ at_every_level('applications', 'opened_date') }}
    group by all
)

select * from kpi_applicant
