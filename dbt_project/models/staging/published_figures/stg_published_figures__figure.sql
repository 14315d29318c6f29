with delivered as (
    select * from {{ delivered_rows('published_figures') }}
),

quantities as (
    select * from {{ parsed_quantities('delivered', 'number', 'unit') }}
),

periods as (
    select * from {{ parsed_dates('delivered', 'period') }}
),

labels as (
    select * from {{ parsed_dates('delivered', 'published') }}
),

read as (
    select
        delivered.*,
        quantities.kind as number_kind,
        quantities.value as printed_value,
        quantities.lower as printed_lower,
        quantities.upper as printed_upper,
        quantities.approx,
        -- 1.4万: the last printed digit counts thousands.
        length(regexp_extract(delivered.number, '\.([0-9]+)', 1))
            - {{ scale_zeros("regexp_extract(delivered.number, '([' || '" ~ numeral_scales() ~ "' || ']*)(?:以上|左右)?$', 1)") }}
            - coalesce(round(log10(abs(quantities.value / nullif(quantities.stated_value, 0)))), 0)::integer as printed_decimals,
        -- 元/斤, 次/周: a rate keeps its unit as printed.
        case
            when contains(delivered.unit, '/') then delivered.unit
            when quantities.kind in ('ratio', 'fraction') then 'ratio'
            else coalesce(quantities.unit, delivered.unit)
        end as base_unit,
        -- 2019年以来 has a beginning only, 2022-10以前 an end only.
        case
            when periods.kind in ('date', 'period', 'as_of') and not regexp_matches(delivered.period, '以前$')
                then periods.start_date
        end as first_day,
        case
            when periods.kind not in ('date', 'period', 'as_of') or regexp_matches(delivered.period, '(?:以来|以后|起)$') then null
            when regexp_matches(delivered.period, '以前$') then periods.start_date - 1
            else periods.end_date
        end as last_day,
        case when labels.precision = 'month' then labels.end_date end as label_day
    from delivered
    left join quantities
        on delivered.number = quantities.raw_text and delivered.unit is not distinct from quantities.stated_unit
    left join periods on delivered.period = periods.raw_text
    left join labels on delivered.published = labels.raw_text
),

-- A grant may not exceed its cap times what was raised: an amount that breaks this as printed, and keeps it in the scale of the
-- amounts beside it, has lost that scale in print.
repaired as (
    select
        amounts.figure_no,
        {{ scale_repaired('amounts.printed_value', 'grants.printed_value', 'caps.printed_value', 'rules.sibling_scale') }}
            / amounts.printed_value as factor
    from {{ ref('figure_match_cap') }} as rules
    inner join read as amounts on rules.amount_figure = amounts.figure_no
    inner join read as grants on rules.grant_figure = grants.figure_no
    inner join read as caps on rules.cap_figure = caps.figure_no
),

stg_published_figures__figure as (
    select
        read.figure_no as figure_id,
        case
            when regexp_matches(read.period, '^(?:计划|目标|规则)') then 'target'
            when read.publication in ('S3', 'S4') then 'press'
            else 'report'
        end as kind,
        null::string as process_code,
        'published_places' as tree,
        null::string as place_code,
        {{ clean_text('read.place') }} as place_name,
        null::string as parent_place_name,
        {{ clean_text('read.topic') }} as topic,
        {{ clean_text('read.measure') }} as measure,
        read.printed_value * coalesce(repaired.factor, 1) as value,
        read.printed_lower * coalesce(repaired.factor, 1) as lower,
        read.printed_upper * coalesce(repaired.factor, 1) as upper,
        read.approx,
        read.base_unit as unit,
        read.printed_value as raw_value,
        case when repaired.factor is not null then 'match_cap' end as repair,
        read.printed_decimals - coalesce(log10(repaired.factor), 0)::integer as published_decimals,
        read.publication || ' ' || read.title || ', ' || read.published || ', ' || read.figure_no as source_reference,
        read.first_day as period_start,
        read.last_day + 1 as period_end,
        read.label_day as reported_date,
        {{ reject_reason([
            ('read.printed_value is null', 'unreadable_number'),
            (clean_text('read.place') ~ ' is null', 'no_place'),
            (clean_text('read.measure') ~ ' is null', 'no_measure'),
        ]) }} as _reject_reason,
        {{ provenance() }}
    from read
    left join repaired on read.figure_no = repaired.figure_no
)

select * from stg_published_figures__figure
