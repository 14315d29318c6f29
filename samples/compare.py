"""Compare the KPIs of a warehouse with the true values that the generator wrote down.

    python -m samples.compare FOLDER    # FOLDER/truth/kpi_truth.csv against the build database of this installation
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from ingest import warehouse
from samples.truth import FIGURES

TREE = "qinghe_district"

# A truth cell is empty where nothing is claimed, and `none` where there is no base. No row in the warehouse says the same as a count
# of 0 and as a rate without a base.
DIFFERENCES = """
with truth as (
    select * from read_csv(?, all_varchar = true, header = true, nullstr = '')
),

computed as (
    select
        metric_code, place_code, period_type, if(period_type = 'all', null, period_start)::varchar as period_start,
        breakdown_type, breakdown_value, currency, value, numerator, denominator, n::double as n
    from kpis.kpi_computed
    inner join intermediate.int_place using (place_key)
    where tree = ?
),

compared as (
    select
        coalesce(truth.metric_code, computed.metric_code) as metric_code,
        coalesce(truth.place_code, computed.place_code) as place_code,
        coalesce(truth.period_type, computed.period_type) as period_type,
        coalesce(truth.period_start, computed.period_start) as period_start,
        coalesce(truth.breakdown_type, computed.breakdown_type) as breakdown_type,
        coalesce(truth.breakdown_value, computed.breakdown_value) as breakdown_value,
        coalesce(truth.currency, computed.currency) as currency,
        truth.metric_code is not null as is_claimed, computed.metric_code is not null as is_computed,
        {columns}
    from truth
    full join computed
        on truth.metric_code = computed.metric_code and truth.place_code = computed.place_code
        and truth.period_type = computed.period_type and truth.period_start is not distinct from computed.period_start
        and truth.breakdown_type = computed.breakdown_type and truth.breakdown_value = computed.breakdown_value
        and truth.currency is not distinct from computed.currency
),

judged as (
    select
        *,
        case
            when is_claimed and is_computed then not ({same})
            when is_claimed then try_cast(true_value as double) != 0
            else computed_value != 0 and metric_code in (select metric_code from truth)
        end as differs
    from compared
)
"""
SAME = """(
    true_{0} is null
    or true_{0} = 'none' and computed_{0} is null
    or abs(true_{0}_number - computed_{0}) <= 1e-9 * greatest(1, abs(true_{0}_number))
    or coalesce(true_{0}_number, 0) = 0 and coalesce(computed_{0}, 0) = 0 and computed_denominator is null
)"""
QUERY = DIFFERENCES.format(
    columns=", ".join(
        f"truth.{name} as true_{name}, try_cast(truth.{name} as double) as true_{name}_number, computed.{name} as computed_{name}"
        for name in FIGURES
    ),
    same=" and ".join(f"coalesce({SAME.format(name)}, false)" for name in FIGURES),
)


def compare(connection: duckdb.DuckDBPyConnection, truth: Path) -> tuple[int, list[tuple]]:
    """Compare every KPI with its true value, within 1e-9.

    Args: connection: the build database. truth: the file `kpi_truth.csv` of the generator.
    Returns: how many true values there are; and of each metric that differs: code, how many keys, one of them with both figures.
    """
    (claimed,) = connection.execute(
        "select count(*) from read_csv(?, all_varchar = true, header = true)", [str(truth)]
    ).fetchone()
    wrong = connection.execute(
        QUERY
        + """
        select
            metric_code, count(*) as keys,
            any_value(concat_ws(' ', place_code, period_type, period_start, breakdown_type, breakdown_value, currency, ': true',
                coalesce(true_value, '?'), coalesce(true_numerator, '?'), '/', coalesce(true_denominator, '?'), 'n', coalesce(true_n, '?'),
                '; computed', if(is_computed, concat_ws(' ', coalesce(computed_value::varchar, 'none'),
                coalesce(computed_numerator::varchar, '-'), '/', coalesce(computed_denominator::varchar, '-'), 'n', computed_n), 'no row')))
        from judged where differs group by metric_code order by metric_code
        """,
        [str(truth), TREE],
    ).fetchall()
    return claimed, wrong


def main() -> None:
    """The command line; exit code 1 when a figure differs."""
    with warehouse.reader() as connection:
        claimed, wrong = compare(connection, Path(sys.argv[1]) / "truth" / "kpi_truth.csv")
    for metric, keys, example in wrong:
        print(f"{metric}: {keys} differ, e.g. {example}")
    print(f"与真值相符 true values {claimed - sum(row[1] for row in wrong)}/{claimed}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
