"""The statistics of surveys and of money agree with reference libraries on random inputs. The SQL under test is the macros' own."""

from __future__ import annotations

import random

import duckdb
import numpy
import pytest
from ipfn.ipfn import ipfn
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from tests.dbt import macro_sql


def rendered(template: str) -> str:
    return macro_sql.rendered(template, ("statistics", "raking"))


def value_of(expression: str) -> float:
    return duckdb.connect().execute("select " + rendered(expression)).fetchone()[0]


@pytest.mark.parametrize("seed", range(12))
def test_the_interval_of_a_change_is_newcombes_of_statsmodels(seed: int) -> None:
    dice = random.Random(seed)
    n1, n2 = dice.choice([1, 7, 30, 900]), dice.choice([2, 40, 10_000])
    x1, x2 = dice.choice([0, n1, dice.randint(0, n1)]), dice.randint(0, n2)
    arguments = f"'{x1}::double', '{n1}::double', '{x2}::double', '{n2}::double'"
    found = [value_of(f"{{{{ newcombe({arguments}, {sign}) }}}}") for sign in (-1, 1)]
    expected = confint_proportions_2indep(x1, n1, x2, n2, method="newcomb", compare="diff", alpha=0.05)
    assert found == pytest.approx(list(expected), abs=1e-9)


def test_newcombes_own_example() -> None:
    """Newcombe 1998, table II, method 10: 56/70 against 48/80 gives 0.0524 to 0.3339."""
    arguments = "'56::double', '70::double', '48::double', '80::double'"
    found = [round(value_of(f"{{{{ newcombe({arguments}, {sign}) }}}}"), 4) for sign in (-1, 1)]
    assert found == [0.0524, 0.3339]


@pytest.mark.parametrize("seed", range(8))
def test_the_interval_of_a_mean_is_the_t_interval_of_scipy(seed: int) -> None:
    numbers = numpy.random.default_rng(seed).normal(70, 15, 2 + seed * 40)
    found = value_of(
        f"{{{{ mean_half_width('{numbers.sum()}::double', '{(numbers**2).sum()}::double', '{len(numbers)}::double', "
        f"'{stats.t.ppf(0.975, len(numbers) - 1) if len(numbers) < 200 else 'null'}') }}}}"
    )
    low, high = stats.t.interval(0.95, len(numbers) - 1, numbers.mean(), stats.sem(numbers))
    assert found == pytest.approx((high - low) / 2, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_the_interval_of_a_net_score_is_that_of_its_standard_error_and_of_the_bootstrap(seed: int) -> None:
    dice = numpy.random.default_rng(seed)
    scores = dice.choice([-1, 0, 1], size=200 + 50 * seed, p=dice.dirichlet([3, 3, 3]))
    found = value_of(
        f"{{{{ net_half_width('{scores.sum()}::double', '{(scores**2).sum()}::double', '{len(scores)}::double') }}}}"
    )
    assert found == pytest.approx(stats.norm.ppf(0.975) * scores.std(ddof=0) / numpy.sqrt(len(scores)), abs=1e-12)
    resampled = dice.choice(scores, size=(4000, len(scores))).mean(axis=1)
    assert found == pytest.approx(1.959964 * resampled.std(), rel=0.05)


def test_rr1_is_completed_interviews_over_everybody_who_may_have_been_eligible() -> None:
    """By hand: 60 / (60 + 10 + 20 + 5 + 1 + 3 + 1) = 0.6; refusals nobody counted are taken as none."""
    connection = duckdb.connect()
    counts = "completed_count, partial_count, refusal_count, noncontact_count, other_count, unknown_household_count, unknown_other_count"
    rows = "(60, 10, 20, 5, 1, 3, 1), (60, 10, null, 5, 1, 3, 1)"
    found = connection.execute(
        rendered("select completed_count / {{ aapor_eligible_count() }}")
        + f" from (values {rows}) as survey ({counts})"
    ).fetchall()
    assert found == [(0.6,), (0.75,)]


def sample_cells(dice: numpy.random.Generator, rows: int, columns: int) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    counts = dice.integers(1, 60, (rows, columns))
    counts[dice.random(counts.shape) < 0.1] += 400
    return counts, dice.integers(50, 20_000, rows), dice.integers(50, 20_000, columns)


def raked(connection: duckdb.DuckDBPyConnection, counts: numpy.ndarray, row_targets: numpy.ndarray, column_targets: numpy.ndarray,
          macro: str = "{{ raked('cells') }}") -> numpy.ndarray:
    connection.execute(
        "create or replace table cells (survey_key varchar, row_band varchar, column_band varchar, cell_count bigint, "
        "row_target bigint, column_target bigint)"
    )
    for survey, reverse in (("this", False), ("another", True)):
        for row, column in numpy.ndindex(*counts.shape):
            count = counts[::-1, ::-1][row, column] if reverse else counts[row, column]
            if count:
                connection.execute(
                    "insert into cells values (?, ?, ?, ?, ?, ?)",
                    [survey, str(row), str(column), int(count), int(row_targets[row]), int(column_targets[column])],
                )
    weights = numpy.zeros(counts.shape)
    for row, column, weight in connection.execute(
        f"select row_band, column_band, weight from {rendered(macro)} where survey_key = 'this'"
    ).fetchall():
        weights[int(row), int(column)] = weight
    return weights


@pytest.mark.parametrize("seed", range(10))
def test_raked_weights_are_those_of_ipfn(seed: int) -> None:
    dice = numpy.random.default_rng(seed)
    counts, row_targets, column_targets = sample_cells(dice, dice.integers(1, 5), 2)
    if seed % 3 == 0 and counts.shape[0] > 2:
        counts[0, 0] = 0  # an empty cell stays empty
    found = raked(duckdb.connect(), counts, row_targets, column_targets)
    n = counts.sum()
    margins = [n * row_targets / row_targets.sum(), n * column_targets / column_targets.sum()]
    expected = ipfn(
        counts.astype(float), margins, [[0], [1]], convergence_rate=1e-13, rate_tolerance=0, max_iteration=2000
    ).iteration()
    assert found * counts == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert (found * counts).sum() == pytest.approx(n)


def test_a_sample_that_cannot_be_brought_to_both_margins_has_no_weights() -> None:
    """All men are young and all women old, but the population is not so."""
    weights = raked(duckdb.connect(), numpy.array([[5, 0], [0, 5]]), numpy.array([10, 90]), numpy.array([50, 50]))
    assert not weights.any()


@pytest.mark.parametrize("seed", range(4))
def test_trimmed_weights_are_clipped_once_and_of_mean_1(seed: int) -> None:
    dice = numpy.random.default_rng(seed)
    counts, row_targets, column_targets = sample_cells(dice, 4, 2)
    connection = duckdb.connect()
    whole = raked(connection, counts, row_targets, column_targets)
    assert whole.min() < 0.3 or whole.max() > 3
    clipped = whole.clip(0.3, 3)
    found = raked(connection, counts, row_targets, column_targets, "{{ trimmed(raked('cells')) }}")
    assert found == pytest.approx(clipped * counts.sum() / (clipped * counts).sum(), rel=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_gini_is_the_mean_absolute_difference_over_twice_the_mean(seed: int) -> None:
    dice = numpy.random.default_rng(seed)
    amounts = dice.choice([0, 1, 5000, 5000, 123_456], size=dice.integers(2, 60)).astype(float) * dice.random()
    amounts[0] += 1
    connection = duckdb.connect()
    connection.execute("create table amounts (place varchar, amount double)")
    connection.executemany("insert into amounts values ('here', ?)", [[amount] for amount in amounts])
    connection.execute("insert into amounts values ('nothing', 0), ('nothing', 0)")
    found = dict(connection.execute(
        "select place, gini from " + rendered("{{ gini('amounts', ['place'], 'amount') }}")
    ).fetchall())
    differences = numpy.abs(amounts[:, None] - amounts[None, :]).sum()
    assert found["here"] == pytest.approx(differences / (2 * len(amounts) ** 2 * amounts.mean()), abs=1e-12)
    assert found["nothing"] is None


@pytest.mark.parametrize("seed", range(4))
def test_diversity_is_the_chance_that_two_drawn_units_differ(seed: int) -> None:
    units = numpy.random.default_rng(seed).integers(0, 40, 6)
    connection = duckdb.connect()
    connection.execute("create table sums (place varchar, amount bigint)")
    connection.executemany("insert into sums values ('here', ?)", [[int(unit)] for unit in units])
    (found,) = connection.execute(
        "select diversity from " + rendered("{{ diversity('sums', ['place'], 'amount') }}")
    ).fetchone()
    drawn = numpy.repeat(numpy.arange(len(units)), units)
    assert found == pytest.approx((drawn[:, None] != drawn[None, :]).mean(), abs=1e-12)
