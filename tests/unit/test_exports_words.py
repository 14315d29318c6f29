"""The words and numbers that people read."""

from __future__ import annotations

from datetime import date

import pytest

from exports import words


def row(**given):
    return {"unit": "share", "currency": None, "status": "ok", "value": 0.5, "value_display": "50.0%", "lower_display": None,
            "upper_display": None, "numerator": None, "denominator": None, **given}  # fmt: skip


@pytest.mark.parametrize(
    ("rounded", "shown"),
    [("1234567.50", "1,234,567.50"), ("-1234", "-1,234"), ("999", "999"), ("1234%", "1,234%"), ("1234.5%", "1,234.5%"),
     ("0.00", "0.00"), (None, ""), ("-0.5", "-0.5")],
)  # fmt: skip
def test_thousands_are_separated_and_digits_kept(rounded, shown):
    assert words.thousands(rounded) == shown


@pytest.mark.parametrize(
    ("kind", "start", "end", "said"),
    [
        ("all", date(2025, 1, 1), date(2026, 11, 1), "全部 all time"),
        ("year", date(2026, 1, 1), date(2027, 1, 1), "2026"),
        ("quarter", date(2026, 10, 1), date(2027, 1, 1), "2026 Q4"),
        ("month", date(2026, 12, 1), date(2027, 1, 1), "2026-12"),
        ("wave", date(2026, 5, 1), date(2026, 6, 1), "2026-05"),
        ("wave", date(2026, 5, 4), date(2026, 5, 18), "2026-05-04 – 2026-05-17"),
        ("wave", date(2026, 5, 4), date(2026, 5, 5), "2026-05-04"),
        ("year", date(2025, 4, 1), date(2026, 4, 1), "2025-04-01 – 2026-03-31"),
        ("wave", None, None, "调查 wave"),
    ],
)
def test_periods_are_said_as_people_say_them(kind, start, end, said):
    assert words.period({"period_type": kind, "period_start": start, "period_end": end}) == said


@pytest.mark.parametrize(
    ("lower", "upper", "said"), [("1.0", "2.0", "1.0 – 2.0"), ("45.0", None, "≥ 45.0"), (None, "9", "≤ 9"), (None, None, "")]
)
def test_an_interval_may_be_one_sided(lower, upper, said):
    assert words.interval(row(lower_display=lower, upper_display=upper)) == said


@pytest.mark.parametrize("status", ["no_base", "not_reached", "suppressed"])
def test_a_value_that_is_not_there_is_its_status(status):
    assert words.value(row(value=None, value_display=None, status=status)) == words.status(status)


def test_a_value_that_is_missing_without_a_reason_is_said_to_be_missing():
    assert words.value(row(value=None, value_display=None)) == "无数值 no value"


def test_money_is_followed_by_its_currency_and_a_share_by_nothing():
    assert words.value(row(unit="money", currency="GBP", value_display="1234.50")) == "1,234.50 GBP"
    assert words.value(row()) == "50.0%"


def test_a_base_is_shown_for_ratios_only():
    assert words.base(row(numerator=1200.0, denominator=2400.0)) == "1,200 / 2,400"
    assert words.base(row(unit="件", value=12, numerator=12.0, denominator=1.0)) == ""
    assert words.base(row(unit="money", currency="CNY", numerator=5.0, denominator=2.0)) == ""
