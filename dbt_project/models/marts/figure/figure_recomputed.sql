with terms as (
    select * from {{ ref('golden_term') }}
),

results as (
    select * from {{ ref('golden_result') }}
),

golden_figures as (
    select * from {{ ref('golden_figure') }}
),

figures as (
    select * from {{ ref('fct_figure') }}
),

-- What of a figure counts: its value, its bound, or the day that it is about.
valued_terms as (
    select
        terms.golden_id, terms.result, terms.part, terms.product_no,
        terms.factor * case terms.property
            when 'constant' then 1
            when 'value' then figures.value
            when 'raw_value' then figures.raw_value
            when 'upper' then figures.upper
            when 'start_day' then {{ days_between("date '1970-01-01'", 'figures.period_start') }}
            when 'reported_day' then {{ days_between("date '1970-01-01'", 'figures.reported_date') }}
            when 'start_month' then 12 * year(figures.period_start) + month(figures.period_start)
            -- 1970-01-07 was a Wednesday.
            when 'wednesdays' then
                ceil({{ days_between("date '1970-01-07'", 'figures.period_end') }} / 7.0)
                - ceil({{ days_between("date '1970-01-07'", 'figures.period_start') }} / 7.0)
        end::double as term_value
    from terms
    left join figures on terms.figure_key = figures.figure_key
),

products as (
    select
        golden_id, result, part, product_no,
        case when count(*) = count(term_value) then {{ product_of('term_value') }} end as product_value
    from valued_terms
    group by golden_id, result, part, product_no
),

sums as (
    select
        golden_id, result, part,
        case when count(*) = count(product_value) then sum(product_value) end as part_value
    from products
    group by golden_id, result, part
),

computed as (
    select
        results.golden_id, results.result,
        case
            when denominators.golden_id is null then numerators.part_value
            else numerators.part_value / nullif(denominators.part_value, 0)
        end * results.scale as value
    from results
    inner join sums as numerators
        on results.golden_id = numerators.golden_id and results.result = numerators.result and numerators.part = 'numerator'
    left join sums as denominators
        on results.golden_id = denominators.golden_id and results.result = denominators.result
            and denominators.part = 'denominator'
),

figure_recomputed as (
    select
        results.golden_id,
        results.result,
        golden_figures.publication,
        golden_figures.title,
        results.meaning,
        golden_figures.formula,
        golden_figures.figures,
        results.unit,
        computed.value,
        results.expected,
        results.expected_decimals,
        {{ agrees_with_print('computed.value', 'results.expected', 'results.expected_decimals') }} as equals_expected,
        results.printed_figure_key,
        printed.value::double as printed_value,
        printed.published_decimals as printed_decimals,
        {{ agrees_with_print('computed.value', 'printed.value', 'printed.published_decimals', "results.unit = '%'") }}
            -- 近1.4万 is an upper bound: more than that contradicts it.
            and (printed.approx not in ('lt', 'cap') or computed.value <= printed.value)
            and (printed.approx not in ('gt', 'floor') or computed.value >= printed.value) as agrees,
        golden_figures.status,
        golden_figures.comment
    from results
    inner join golden_figures on results.golden_id = golden_figures.golden_id
    inner join computed on results.golden_id = computed.golden_id and results.result = computed.result
    left join figures as printed on results.printed_figure_key = printed.figure_key
    where computed.value is not null
)

select * from figure_recomputed
