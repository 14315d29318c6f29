"""The statistics macros agree with reference libraries on random inputs. The SQL under test is the macros' own."""

from __future__ import annotations

import math
import random
from pathlib import Path

import duckdb
import jinja2
import pandas
import pytest
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times
from scipy import stats

PROJECT = Path(__file__).resolve().parents[2]
MACROS = jinja2.Environment(loader=jinja2.FileSystemLoader(PROJECT / "dbt_project" / "macros"))


def rendered(template: str) -> str:
    return MACROS.from_string("{% import 'statistics.sql' as statistics %}" + template).render()


def value_of(expression: str) -> float:
    return duckdb.connect().execute("select " + rendered(expression)).fetchone()[0]


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (9739, 9999), (292, 349), (3, 40), (17, 18)])
def test_wilson_interval_is_that_of_scipy(successes: int, n: int) -> None:
    expected = stats.binomtest(successes, n).proportion_ci(0.95, "wilson")
    found = [value_of(f"{{{{ statistics.wilson('{successes}::double', '{n}::double', {sign}) }}}}") for sign in (-1, 1)]
    assert found == pytest.approx([expected.low, expected.high], abs=1e-9)


def test_no_base_gives_no_interval() -> None:
    assert value_of("{{ statistics.wilson('0::double', '0::double', 1) }}") is None


def test_the_tabled_t_quantiles_are_those_of_scipy() -> None:
    table = pandas.read_csv(PROJECT / "dbt_project" / "seeds" / "t_quantile.csv")
    assert table.degrees_of_freedom.tolist() == list(range(1, 201))
    assert table.t_975.tolist() == pytest.approx(stats.t.ppf(0.975, table.degrees_of_freedom).tolist(), abs=1e-12)


@pytest.mark.parametrize("degrees_of_freedom", [201, 250, 1_025, 100_000, 10**9])
def test_the_t_quantile_beyond_the_table_is_that_of_scipy(degrees_of_freedom: int) -> None:
    found = value_of(f"{{{{ statistics.student_t_975('{degrees_of_freedom}::double', 'null') }}}}")
    assert found == pytest.approx(float(stats.t.ppf(0.975, degrees_of_freedom)), abs=1e-10)


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
    curve = rendered("{{ statistics.kaplan_meier('observed', ['place']) }}")
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
        first = rendered(f"{{{{ statistics.first_time_at_or_below('survival', {level}) }}}}")
        (found,) = connection.execute(f"select {first} from {curve} where place = 'here'").fetchone()
        expected = reference.percentile(level)
        assert (math.inf if found is None else found) == pytest.approx(expected, abs=1e-9)
    lower, upper = connection.execute(
        "select "
        + rendered(
            "{{ statistics.first_time_at_or_below('survival_lower', 0.5) }}, "
            "{{ statistics.first_time_at_or_below('survival_upper', 0.5) }}"
        )
        + f" from {curve} where place = 'here'"
    ).fetchone()
    expected_lower, expected_upper = median_survival_times(expected_band).iloc[0]
    assert (math.inf if lower is None else lower) == pytest.approx(expected_lower)
    if expected_upper == max(durations) and not reference.survival_function_.iloc[-1].item():
        assert upper is None  # nobody is left there: lifelines prints 0 for an upper end that is not known
    else:
        assert (math.inf if upper is None else upper) == pytest.approx(expected_upper)
