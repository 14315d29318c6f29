"""The statistics macros agree with reference libraries on random inputs. The SQL under test is the macros' own."""

from __future__ import annotations

import math
import random
from pathlib import Path

import duckdb
import numpy
import pandas
import pytest
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from tests.dbt import macro_sql

PROJECT = Path(__file__).resolve().parents[2]


def rendered(template: str) -> str:
    return macro_sql.rendered(template, ("statistics",))


def value_of(expression: str) -> float:
    return duckdb.connect().execute("select " + rendered(expression)).fetchone()[0]


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (9739, 9999), (292, 349), (3, 40), (17, 18)])
def test_wilson_interval_is_that_of_scipy(successes: int, n: int) -> None:
    expected = stats.binomtest(successes, n).proportion_ci(0.95, "wilson")
    found = [value_of(f"{{{{ wilson('{successes}::double', '{n}::double', {sign}) }}}}") for sign in (-1, 1)]
    assert found == pytest.approx([expected.low, expected.high], abs=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_wilson_interval_is_that_of_statsmodels(seed: int) -> None:
    dice = random.Random(seed)
    n = int(10 ** dice.uniform(0, 7))
    successes = dice.choice([0, n, dice.randint(0, n), dice.randint(0, n)])
    found = [value_of(f"{{{{ wilson('{successes}::double', '{n}::double', {sign}) }}}}") for sign in (-1, 1)]
    assert found == pytest.approx(proportion_confint(successes, n, alpha=0.05, method="wilson"), abs=1e-12)


def test_no_base_gives_no_interval() -> None:
    assert value_of("{{ wilson('0::double', '0::double', 1) }}") is None


def test_the_tabled_t_quantiles_are_those_of_scipy() -> None:
    table = pandas.read_csv(PROJECT / "dbt_project" / "seeds" / "t_quantile.csv")
    assert table.degrees_of_freedom.tolist() == list(range(1, 201))
    assert table.t_975.tolist() == pytest.approx(stats.t.ppf(0.975, table.degrees_of_freedom).tolist(), abs=1e-12)


@pytest.mark.parametrize("degrees_of_freedom", [201, 250, 1_025, 100_000, 10**9])
def test_the_t_quantile_beyond_the_table_is_that_of_scipy(degrees_of_freedom: int) -> None:
    found = value_of(f"{{{{ student_t_975('{degrees_of_freedom}::double', 'null') }}}}")
    assert found == pytest.approx(float(stats.t.ppf(0.975, degrees_of_freedom)), abs=1e-10)


def median_and_ends(values: list[float]) -> tuple[float, float | None, float | None]:
    """Median of the values and the ends of its interval, by the macros."""
    medians = rendered("{{ medians('sample', ['place'], 'value') }}")
    sample = "select 'here' as place, value from unnest(?::double[]) as t (value)"
    return duckdb.connect().execute(f"with sample as ({sample}) select median, lower, upper from {medians}", [values]).fetchone()


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6, 7, 10, 29, 30, 101, 10_000])
def test_the_median_is_that_of_numpy(n: int) -> None:
    dice = random.Random(n)
    values = [dice.choice([round(dice.expovariate(0.1)), dice.gauss(0, 1e6)]) for _ in range(n)]
    assert median_and_ends(values)[0] == pytest.approx(numpy.median(values), rel=1e-12)


@pytest.mark.parametrize("n", [1, 5, 6, 7, 8, 10, 29, 30, 101, 10_000])
def test_the_interval_of_the_median_covers_it_in_95_of_100_samples(n: int) -> None:
    """Its ends are order statistics. How many values lie below the true median is binomial, whatever is measured: so the
    smallest symmetric pair of ranks that covers it with the normal approximation is known without the formula."""
    values = random.Random(n).sample(range(10 * n), n)
    _, lower, upper = median_and_ends([float(value) for value in values])
    below = stats.norm(loc=n / 2, scale=math.sqrt(n) / 2)
    rank = max((rank for rank in range(n // 2 + 1) if below.cdf(rank) <= 0.025), default=0)
    ordered = sorted(values)
    assert (lower, upper) == ((ordered[rank - 1], ordered[n - rank]) if rank >= 1 else (None, None))
    if rank >= 1:
        covered = stats.binom(n, 0.5).cdf(n - rank) - stats.binom(n, 0.5).cdf(rank - 1)
        assert covered >= 0.95


@pytest.mark.parametrize("seed", range(12))
def test_kaplan_meier_is_that_of_lifelines(seed: int) -> None:
    dice = random.Random(seed)
    n = dice.choice([1, 2, 10, 37, 300])
    durations = [round(dice.expovariate(0.1), dice.choice([0, 3])) for _ in range(n)]
    events = [dice.random() < dice.choice([0.2, 0.6, 1.0]) for _ in range(n)]
    connection = duckdb.connect()
    connection.execute("create table observed (place varchar, duration double, is_event boolean)")
    connection.executemany("insert into observed values ('here', ?, ?)", list(zip(durations, events, strict=True)))
    connection.executemany("insert into observed values ('there', ?, ?)", [(1.0, True), (2.0, False)])
    curve = rendered("{{ kaplan_meier('observed', ['place']) }}")
    reference = KaplanMeierFitter().fit(durations, events)
    rows = connection.execute(
        f"select duration, survival, survival_lower, survival_upper from {curve} where place = 'here' order by duration"
    ).fetchall()
    expected_band = reference.confidence_interval_
    for duration, survival, lower, upper in rows:
        assert survival == pytest.approx(reference.survival_function_.loc[duration].item(), abs=1e-9)
        if 0 < survival < 1:
            assert (lower, upper) == pytest.approx(tuple(expected_band.loc[duration]), abs=1e-9)
    for level in (0.5, 0.1):
        first = rendered(f"{{{{ first_time_at_or_below('survival', {level}) }}}}")
        (found,) = connection.execute(f"select {first} from {curve} where place = 'here'").fetchone()
        expected = reference.percentile(level)
        assert (math.inf if found is None else found) == pytest.approx(expected, abs=1e-9)
    lower, upper = connection.execute(
        "select "
        + rendered(
            "{{ first_time_at_or_below('survival_lower', 0.5) }}, "
            "{{ first_time_at_or_below('survival_upper', 0.5) }}"
        )
        + f" from {curve} where place = 'here'"
    ).fetchone()
    expected_lower, expected_upper = median_survival_times(expected_band).iloc[0]
    assert (math.inf if lower is None else lower) == pytest.approx(expected_lower)
    if expected_upper == max(durations) and not reference.survival_function_.iloc[-1].item():
        assert upper is None  # nobody is left there: lifelines prints 0 for an upper end that is not known
    else:
        assert (math.inf if upper is None else upper) == pytest.approx(expected_upper)
