{# Up to which day volunteering is known in each tree. #}
{% macro volunteering_known() -%}
    (
        select places.tree, max(known.as_of_date) as as_of_date
        from {{ ref('int_participation_known') }} as known
        inner join {{ ref('int_place') }} as places on known.place_key = places.place_key
        where known.action = 'volunteer'
        group by places.tree
    )
{%- endmacro %}

{% macro volunteering_periods() -%}
    (
        with known as (
            select * from {{ volunteering_known() }}
        )
        select * from {{ periods_up_to('known') }} as periods
    )
{%- endmacro %}

{# The months whose shifts say who is active, and who stays, in each of some periods: those in which the 90 days before its end lie,
   its own, and those of the period before it. Gives tree, period_type, period_start, cutoff_date, period_month and
   is_within_90_days. #}
{% macro months_of_volunteering(periods) -%}
    (
        select periods.tree, periods.period_type, periods.period_start, periods.cutoff_date, months.period_month,
            months.period_type = 'month' as is_within_90_days
        from {{ periods }} as periods
        inner join {{ ref('int_period') }} as months
            on periods.tree = months.tree
            and (
                months.period_type = 'month' and months.period_start < periods.cutoff_date
                and months.period_end > periods.cutoff_date - 90
                or months.period_type = periods.period_type and periods.period_type in ('month', 'quarter', 'year')
                and (months.period_start = periods.period_start or months.period_end = periods.period_start)
            )
    )
{%- endmacro %}

{# Of each period of kpi_volunteer_count: all that it reads of the models that `parts` names. A person's number follows from the
   key, and who has no shift in these months is not looked for in int_person. #}
{% macro kpi_volunteer_count__parts() -%}
    with shifts as (
        select places.tree, months.period_month, count(*) || ' ' || sum(
            hash(hash(months.person_number, months.place_number, months.first_shift_date, months.last_shift_date))::hugeint
        ) as content
        from {{ ref('int_person_month') }} as months
        inner join {{ ref('int_place') }} as places on months.place_number = places.place_number
        where months.first_shift_date is not null
        group by places.tree, months.period_month
    ),

    periods as (
        select * from {{ volunteering_periods() }}
    ),

    months_read as (
        select * from {{ months_of_volunteering('periods') }}
    )

    select
        periods.period_type || ' ' || periods.period_start as part, md5(string_agg(
            concat_ws(
                ' ', periods.tree, periods.period_end, periods.cutoff_date,
                months_read.period_month, months_read.is_within_90_days, shifts.content
            ),
            ', ' order by periods.tree, months_read.period_month, months_read.is_within_90_days
        )) as content
    from periods
    left join months_read using (tree, period_type, period_start, cutoff_date)
    left join shifts using (tree, period_month)
    group by part
{%- endmacro %}
