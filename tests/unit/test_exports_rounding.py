"""Rounding: in DuckDB, half away from zero, from the number that was meant."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports import rounding

CONNECTION = duckdb.connect()
CONNECTION.execute(rounding.macros())


def shown(value: float | None, unit: str, decimals: int) -> str | None:
    query = "select shown(x, unit, digits_shown(x, unit, wanted)) from (values (?::double, ?::varchar, ?::integer)) as given (x, unit, wanted)"
    return CONNECTION.execute(query, [value, unit, decimals]).fetchone()[0]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(2.675, 2, "2.68"), (1.005, 2, "1.01"), (-2.675, 2, "-2.68"), (2.5, 0, "3"), (-2.5, 0, "-3"), (0.1 + 0.2, 1, "0.3"),
     (2.6749999999999998, 2, "2.68"), (2.67499, 2, "2.67"), (-0.001, 2, "0.00"), (1e-7, 2, "0.00"), (129954532028.035, 2, "129954532028.04")],
)  # fmt: skip
def test_a_tie_goes_away_from_zero(value, decimals, text):
    assert shown(value, "天", decimals) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0.0%"), (1.0, "100.0%"), (0.0625, "6.3%"), (0.12345, "12.3%"), (1.2345, "123.5%"),
     (0.9996, "99.96%"), (0.99999, "99.999%"), (0.0004, "0.04%"), (1.0004, "100.04%"), (0.9995, "99.95%"), (1e-12, "0.0%")],
)  # fmt: skip
def test_a_share_prints_0_or_100_percent_only_when_it_is_exact(share, text):
    assert shown(share, "share", 1) == text


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_no_number_is_not_shown(value):
    assert shown(value, "share", 1) is None


@settings(max_examples=200, deadline=None)
@given(st.decimals(min_value=-(10**9), max_value=10**9, places=6), st.integers(min_value=0, max_value=5))
def test_rounding_agrees_with_decimal_arithmetic(number, decimals):
    expected = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    assert Decimal(shown(float(number), "件", decimals)) == expected
