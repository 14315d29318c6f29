with kpi_catalogue as (
    select
        metric_code, family, name_zh, name_en, formula, unit, direction, decimals, minimum_n, statistic, record,
        counts_people, breakdowns,
        definition_version, owner, is_headline, notes
    from {{ ref('metric_catalogue') }}
)

select * from kpi_catalogue
