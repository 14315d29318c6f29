{# Raking (iterative proportional fitting, Deming & Stephan 1940): weights that bring a sample to two margins of its population.

   cells: one row per survey_key, row_band and column_band, with cell_count (respondents, > 0), row_target and column_target (the
   population of each band, > 0). A band that no respondent belongs to is not there, and the others share its part.
   Gives, per survey and cell: cell_count and the weight of a respondent of it, of mean 1 over the survey's respondents.
   Runs until a step changes no weight by more than 1e-12 of itself. A sample that cannot be brought to both margins at once, because
   too many of its cells are empty, does not get there in 1000 rounds and has no rows. #}
{% macro raked(cells) -%} {{ return(adapter.dispatch('raked')(cells)) }} {%- endmacro %}
{% macro default__raked(cells) -%}
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

{# Spark knows no window within a recursion: the rounds of a survey go over the list of its cells. #}
{% macro spark__raked(cells) -%}
    {%- set scaled -%}
        transform(cells, cell -> get(WEIGHTS, cell.position) * cell.BAND_target / aggregate(
            filter(cells, other -> other.BAND_band = cell.BAND_band), 0e0,
            (total, other) -> total + other.cell_count * get(WEIGHTS, other.position)
        ))
    {%- endset -%}
    {%- set by_row = scaled | replace('BAND', 'row') | replace('WEIGHTS', 'so_far.weights') -%}
    {%- set by_column = scaled | replace('BAND', 'column') | replace('WEIGHTS', 'so_far.row_weights') -%}
    {%- set change = "array_max(zip_with(so_far.weights, so_far.row_weights, (new, old) -> abs(new / old - 1)))" -%}
    (
        with bands as (
            select
                survey_key, row_band, column_band, cell_count::double as cell_count, row_target::double as row_target,
                column_target::double as column_target, sum(cell_count) over (partition by survey_key)::double as respondents,
                (row_number() over (partition by survey_key order by row_band, column_band) - 1)::integer as position,
                row_number() over (partition by survey_key, row_band order by column_band) = 1 as is_first_of_row,
                row_number() over (partition by survey_key, column_band order by row_band) = 1 as is_first_of_column
            from {{ cells }}
        ),
        targets as (
            select
                survey_key, row_band, column_band, cell_count, position,
                respondents * row_target / sum(if(is_first_of_row, row_target, 0)) over (partition by survey_key) as row_target,
                respondents * column_target / sum(if(is_first_of_column, column_target, 0)) over (partition by survey_key)
                    as column_target
            from bands
        ),
        surveys as (
            select
                survey_key,
                array_sort(array_agg(struct(position, row_band, column_band, cell_count, row_target, column_target))) as cells
            from targets
            group by survey_key
        ),
        rounds as (
            select
                survey_key, cells,
                -- Rows and columns in turn; after the columns the change of the weights tells whether it is done.
                aggregate(
                    sequence(1, 2000),
                    struct(transform(cells, cell -> 1e0) as weights, transform(cells, cell -> 2e0) as row_weights),
                    (so_far, turn) -> case
                        when turn % 2 = 1 and {{ change }} <= 1e-12 then so_far
                        when turn % 2 = 1 then struct(so_far.weights as weights, {{ by_row }} as row_weights)
                        else struct({{ by_column }} as weights, so_far.row_weights as row_weights)
                    end
                ) as so_far
            from surveys
        )
        select survey_key, cell.row_band, cell.column_band, cell.cell_count, get(so_far.weights, cell.position) as weight
        from (select *, explode(cells) as cell from rounds where {{ change }} <= 1e-12)
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
