"""The demonstration district goes through its life-cycles and keeps its rules as the seeds of the warehouse say."""

from datetime import date

import pytest

from samples.cadence import HOLIDAYS, RULES, windows
from samples.life_cycles import MACHINES, OUTCOMES, is_legal
from samples.lives import ILLEGAL, LIVES

ONE_OF = {rule.code: rule for rule in RULES}


def test_every_kind_of_case_has_lives():
    assert {machine for (record, _), machine in MACHINES.items() if record == "case"} == set(LIVES)


@pytest.mark.parametrize(("machine", "life"), [(machine, life) for machine, lives in LIVES.items() for life, _ in lives])
def test_every_life_is_legal(machine, life):
    assert is_legal(machine, life)


@pytest.mark.parametrize(("machine", "life"), ILLEGAL)
def test_every_illegal_life_is_illegal(machine, life):
    assert not is_legal(machine, life)
    assert all((machine, state) in OUTCOMES for state in life)


@pytest.mark.parametrize("machine", LIVES)
def test_the_lives_of_a_machine_are_all_that_there_are(machine):
    assert sum(share for _, share in LIVES[machine]) == pytest.approx(1)


@pytest.mark.parametrize(("rule", "month", "expected"), [
    ("A03.day", date(2025, 3, 1), [(date(2025, 3, 10), date(2025, 3, 11))]),
    ("A01.session", date(2025, 3, 1), [(date(2025, 3, 25), date(2025, 4, 1))]),
    ("C11.reception", date(2025, 3, 1), [(date(2025, 3, 1), date(2025, 3, 8))]),
    ("D14.day", date(2025, 3, 1), [(date(2025, 3, 30), date(2025, 3, 31))]),
    ("A07.meeting", date(2025, 3, 1), [(date(2025, 3, 1), date(2025, 4, 1))]),
])
def test_what_is_due_in_a_month(rule, month, expected):
    assert windows(ONE_OF[rule], month, date(2025, 4, 1)) == expected


def test_a_weekday_that_is_a_holiday_is_not_due():
    assert date(2026, 2, 18) in HOLIDAYS  # a Wednesday of the Spring Festival
    days = [first for first, _ in windows(ONE_OF["F01.clinic"], date(2026, 2, 1), date(2026, 3, 1))]
    assert days == [date(2026, 2, 4), date(2026, 2, 11), date(2026, 2, 25)]


def test_a_day_of_the_month_that_is_a_holiday_moves_to_the_next_day_that_is_none():
    first_day = ONE_OF["A03.day"].__class__(**{**vars(ONE_OF["A03.day"]), "day_of_month": 1})
    assert windows(first_day, date(2026, 1, 1), date(2026, 2, 1)) == [(date(2026, 1, 4), date(2026, 1, 5))]
