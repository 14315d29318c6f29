"""Whether two ways of computing come to the same KPI values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench.load import PROJECT

TREE = "qinghe_district:"
CATALOGUE = PROJECT / "dbt_project" / "seeds" / "metric_catalogue.csv"
KEYS = "metric_code, place, period_type, period_start, breakdown_type, breakdown_value"
# Sums of counts and money come out the same to the last bit; what is divided, or drawn from logarithms, to 1e-9.
EXACT = ("count", "sum", "distinct", "stock")
TOLERANCE = 1e-9
SHOWN = 5
# The product's values with the columns of KEYS and numerator, denominator, value; those that it hides, too.
PRODUCT_VALUES = f"""(
    select metric_code, replace(place_key, '{TREE}', '') as place, period_type, period_start, breakdown_type, breakdown_value,
        numerator, denominator, "value"
    from build.kpis.kpi_computed
)"""


class NotTheSame(AssertionError):
    """Two ways do not come to the same values; the message counts and shows the differences."""


@dataclass(frozen=True)
class Agreement:
    """How many values were compared, of how many metrics; `hidden`: those that the product does not show, of so few people."""

    values: int
    metrics: int
    hidden: int


def with_product(home: Path, database: Path) -> Agreement:
    """Compare the table `kpi` of a database with the product's values.

    The published kpi_value hides counts of few people: there its shown rows have to be those of kpi_computed, which has all.

    Args: home: the product's installation. database: of the other way.
    Returns: Agreement. Raises: NotTheSame.
    """
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home / 'warehouse' / 'gmw_build.duckdb'}' as build (read_only)")
        connection.execute(f"attach '{(home / 'published' / 'current').resolve() / 'marts.duckdb'}' as published (read_only)")
        connection.execute(f"attach '{database}' as other (read_only)")
        row = f'{KEYS.replace("place", "place_key")}, numerator, denominator, "value"'
        hidden, changed = connection.execute(f"""
            select count(*) filter (status = 'suppressed'), (
                select count(*) from (
                    select {row} from published.kpi_value where status != 'suppressed'
                    except all
                    select {row} from build.kpis.kpi_computed
                )
            )
            from published.kpi_value
        """).fetchone()
        if changed:
            raise NotTheSame(f"{changed} shown rows of the published kpi_value are not those of kpi_computed")
        values, metrics = tables(connection, PRODUCT_VALUES, "other.kpi")
    return Agreement(values, metrics, hidden)


def tables(connection: duckdb.DuckDBPyConnection, first: str, second: str) -> tuple[int, int]:
    """Compare two relations with the columns of KEYS and numerator, denominator and value.

    Returns: how many rows there are, and of how many metrics. Raises: NotTheSame.
    """
    exact = f"catalogue.statistic in {EXACT}"
    differs = " or ".join(
        f"""(
            case when first.{column} is null or second.{column} is null then first.{column} is distinct from second.{column}
            when {exact} then first.{column} != second.{column}
            else abs(first.{column} - second.{column}) > {TOLERANCE} * greatest(1, abs(first.{column})) end
        )"""
        for column in ("numerator", "denominator", '"value"')
    )
    joined = f"""
        from (select *, true as is_there from {first}) as first
        full join (select *, true as is_there from {second}) as second using ({KEYS})
        left join read_csv('{CATALOGUE}', all_varchar = true) as catalogue using (metric_code)
    """
    values, metrics, faults = connection.execute(f"""
        select count(*), count(distinct metric_code),
            count(*) filter (first.is_there is null or second.is_there is null or catalogue.statistic is null or {differs}) {joined}
    """).fetchone()
    if faults:
        by_metric = connection.execute(f"""
            select metric_code, count(*) filter (second.is_there is null), count(*) filter (first.is_there is null),
                count(*) filter ({differs}) {joined} group by metric_code
            having count(*) filter (first.is_there is null or second.is_there is null or {differs}) > 0 order by metric_code
        """).fetchall()
        examples = connection.execute(f"""
            select {KEYS}, first.numerator, second.numerator, first.denominator, second.denominator, first."value", second."value"
            {joined} where first.is_there is null or second.is_there is null or {differs} order by all limit {SHOWN}
        """).fetchall()
        raise NotTheSame(
            f"{faults} of {values} values are not the same. Metric, only in the first, only in the second, different:\n"
            + "\n".join(map(str, by_metric)) + "\nThe first differences:\n" + "\n".join(map(str, examples))
        )  # fmt: skip
    return values, metrics
