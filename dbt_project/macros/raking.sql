{# Raking (iterative proportional fitting, Deming & Stephan 1940): weights that bring a sample to two margins of its population.

   cells: one row per survey_key, row_band and column_band, with cell_count (respondents, > 0), row_target and column_target (the
   population of each band, > 0). A band that no respondent belongs to is not there, and the others share its part.
   Gives, per survey and cell: cell_count and the weight of a respondent of it, of mean 1 over the survey's respondents.
   Runs until a step changes no weight by more than 1e-12 of itself. A sample that cannot be brought to both margins at once, because
   too many of its cells are empty, does not get there in 1000 rounds and has no rows. #}
{% macro raked(cells) -%}
    (
        with recursive sample as (
            select
                survey_key, row_band, column_band, cell_count::double as cell_count, row_target::double as row_target,
                column_target::double as column_target, sum(cell_count) over (partition by survey_key)::double as respondents
            from {{ cells }}
        ),
        row_totals as (
            select survey_key, sum(row_target) as total
            from (select distinct survey_key, row_band, row_target from sample) group by survey_key
        ),
        column_totals as (
            select survey_key, sum(column_target) as total
            from (select distinct survey_key, column_band, column_target from sample) group by survey_key
        ),
        targets as (
            select
                sample.survey_key, row_band, column_band, cell_count,
                respondents * row_target / row_totals.total as row_target,
                respondents * column_target / column_totals.total as column_target
            from sample
            inner join row_totals on sample.survey_key = row_totals.survey_key
            inner join column_totals on sample.survey_key = column_totals.survey_key
        ),
        rounds as (
            select *, 1e0 as weight, 0 as round_no, 1e0 as largest_change from targets
            union all
            select
                survey_key, row_band, column_band, cell_count, row_target, column_target, new_weight as weight,
                round_no + 1 as round_no,
                max(abs(new_weight / row_weight - 1)) over (partition by survey_key) as largest_change
            from (
                select
                    *,
                    row_weight * column_target
                        / sum(cell_count * row_weight) over (partition by survey_key, column_band) as new_weight
                from (
                    select *, weight * row_target / sum(cell_count * weight) over (partition by survey_key, row_band) as row_weight
                    from rounds
                    where largest_change > 1e-12 and round_no < 1000
                )
            )
        )
        select survey_key, row_band, column_band, cell_count, weight from rounds where largest_change <= 1e-12
    )
{%- endmacro %}

{# Raked weights kept from being too large or too small: clipped to [0.3, 3], and of mean 1 over the survey's respondents again. #}
{% macro trimmed(raked_cells) -%}
    (
        select
            survey_key, row_band, column_band, cell_count,
            clipped * sum(cell_count) over (partition by survey_key) / sum(cell_count * clipped) over (partition by survey_key)
                as weight
        from (select *, least(greatest(weight, 0.3e0), 3e0) as clipped from {{ raked_cells }})
    )
{%- endmacro %}
