with delivered as (
    select *, null::string as estate from {{ delivered_rows('monthly_report') }}
),

printed as (
    select
        *, 'month' as part, of_month as number,
        date_trunc('month', _file_as_of)::date as period_start, _file_as_of + 1 as period_end
    from delivered
    where {{ clean_text('of_month') }} is not null
    union all
    select *, 'so_far', so_far, date '2024-10-01', _file_as_of + 1
    from delivered
    where {{ clean_text('so_far') }} is not null
),

quantities as (
    select * from {{ parsed_quantities('printed', 'number', 'unit') }}
),

read as (
    select
        printed.*,
        {{ kind_of_word('figure', 'printed.kind') }} as kind_code,
        quantities.value as printed_value,
        quantities.approx as printed_approx,
        quantities.lower as printed_lower,
        quantities.upper as printed_upper,
        coalesce(quantities.unit, printed.unit) as base_unit,
        -- 1.25 of 万元: the last printed digit counts hundreds of yuan.
        length(regexp_extract(printed.number, '\.([0-9]+)', 1))
            - case when contains(printed.unit, '万') then 4 else 0 end
            as printed_decimals
    from printed
    left join quantities
        on printed.number = quantities.raw_text and printed.unit is not distinct from quantities.stated_unit
),

stg_monthly_report__figure as (
    select
        strftime(_file_as_of, '%Y-%m') || '-' || {{ clean_text('line_no') }} || '-' || part as figure_id,
        kind_code as kind,
        {{ clean_text('process_code') }} as process_code,
        {{ named_place() }},
        {{ clean_text('measure') }} as measure,
        {{ mapped('measure', {
            '收集诉求数': 'R01.raised', '办结诉求数': 'R01.resolved', '活动场次': 'P01', '捐赠金额': 'F01.raised'
        }) }} as metric_code,
        printed_value as value,
        -- A number without such words is meant to its last digit: it has no bounds.
        case when printed_approx != 'exact' then printed_lower end as lower,
        case when printed_approx != 'exact' then printed_upper end as upper,
        printed_approx as approx,
        base_unit as unit,
        printed_value as raw_value,
        null::string as repair,
        printed_decimals as published_decimals,
        {{ clean_text('reported_by') }} || '月报 ' || strftime(_file_as_of, '%Y-%m') as source_reference,
        period_start,
        period_end,
        _file_as_of as reported_date,
        {{ reject_reason([
            ('printed_value is null', 'unreadable_number'),
            ('kind_code is null', 'unknown_kind'),
            (clean_text('measure') ~ ' is null', 'no_measure'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
)

select * from stg_monthly_report__figure
