"""What hides small counts: nothing more than it takes, nothing that follows from the rest."""

from __future__ import annotations

import itertools

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.disclosure import determined, pinned
from expectations.suppression import hide, table_of

TOTAL = "total"


def grid(rows: list[list[int]]):
    """Counts of places (rows) by months (columns) with their sums. Returns: amounts, parts, and the number of each cell."""
    places, months = [*range(len(rows)), TOTAL], [*range(len(rows[0])), TOTAL]
    number = {key: no for no, key in enumerate(itertools.product(places, months))}
    amounts = [
        sum(
            rows[p][m]
            for p in range(len(rows)) if place in (p, TOTAL)
            for m in range(len(rows[0])) if month in (m, TOTAL)
        )
        for place, month in number
    ]  # fmt: skip
    parts = [(number[TOTAL, month], "places", number[place, month]) for place, month in number if place != TOTAL]
    parts += [(number[place, TOTAL], "months", number[place, month]) for place, month in number if month != TOTAL]
    return amounts, parts, number


def exact(parts: list[tuple[int, str, int]]) -> list[tuple[int, str, int, bool]]:
    return [(*part, True) for part in parts]


def hidden_of(amounts: list[int], parts: list[tuple], k: int = 5, already=()):
    everywhere = [True] * len(amounts)
    table = table_of(amounts, [None] * len(amounts), [False] * len(amounts), everywhere, exact(parts), k)
    return table, hide(table, [amount or None for amount in amounts], everywhere, k, already)


def test_a_small_member_takes_another_one_with_it_and_the_total_stays() -> None:
    amounts, parts = [20, 3, 7, 10], [(0, "members", 1), (0, "members", 2), (0, "members", 3)]
    assert hidden_of(amounts, parts)[1] == {1, 2}


def test_a_total_of_small_members_only_is_hidden_with_them() -> None:
    assert hidden_of([3, 1, 2, 0], [(0, "members", 1), (0, "members", 2), (0, "members", 3)])[1] == {0, 1, 2}


def test_two_members_that_can_only_be_one_each_take_a_third_one_with_them() -> None:
    amounts, parts = [22, 1, 1, 20], [(0, "members", 1), (0, "members", 2), (0, "members", 3)]
    assert hidden_of(amounts, parts)[1] == {1, 2, 3}


def test_in_a_grid_four_corners_are_hidden_and_no_total() -> None:
    amounts, parts, number = grid([[3, 20, 30], [10, 40, 50], [60, 70, 80]])
    assert hidden_of(amounts, parts)[1] == {number[0, 0], number[0, 1], number[1, 0], number[1, 1]}


def test_a_zero_is_shown() -> None:
    amounts, parts = [13, 3, 0, 10], [(0, "members", 1), (0, "members", 2), (0, "members", 3)]
    assert 2 not in hidden_of(amounts, parts)[1]


def test_a_small_rest_that_nobody_publishes_is_protected_too() -> None:
    """A town of 52 with communities of 20 and 30: the 2 of the town itself must not follow."""
    amounts, parts = [52, 20, 30, 2], [(0, "places", 1), (0, "places", 2), (0, "places", 3)]
    shown = [True, True, True, False]
    table = table_of(amounts, [None] * 4, [False] * 4, shown, exact(parts), 5)
    assert hide(table, amounts, shown, 5) == {1}


def test_a_proportion_hides_a_small_complement() -> None:
    """48 of 50: the two others are few."""
    table = table_of([48], [50], [False], [True], [], 5)
    assert hide(table, [2], [True], 5) == {0}


small_tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 30), min_size=width, max_size=width), min_size=2, max_size=5)
)


@given(small_tables, st.sampled_from([5, 10]))
@settings(max_examples=150, deadline=None)
def test_no_hidden_count_can_be_worked_out(rows: list[list[int]], k: int) -> None:
    amounts, parts, number = grid(rows)
    table, hidden = hidden_of(amounts, parts, k)
    assert {cell for cell, amount in enumerate(amounts) if 0 < amount < k} <= hidden
    assert determined(table, hidden) == pinned(table, hidden) == set()
    unknowns = sorted(hidden)
    matrix = numpy.zeros((len(table.equations), len(unknowns)))
    for row, equation in enumerate(table.equations):
        for column, cell in enumerate(unknowns):
            matrix[row, column] = (cell == equation.whole) - (cell in equation.parts)
    rank = numpy.linalg.matrix_rank(matrix) if unknowns else 0
    for column in range(len(unknowns)):
        known = numpy.zeros((1, len(unknowns)))
        known[0, column] = 1
        assert numpy.linalg.matrix_rank(numpy.vstack([matrix, known])) == rank + 1


@given(small_tables, st.sampled_from([5, 10]))
@settings(max_examples=50, deadline=None)
def test_nothing_is_hidden_where_nothing_is_small(rows: list[list[int]], k: int) -> None:
    amounts, parts, _ = grid([[count + k if count else 0 for count in row] for row in rows])
    assert hidden_of(amounts, parts, k)[1] == set()


@given(small_tables)
@settings(max_examples=50, deadline=None)
def test_what_the_public_sees_is_seen_inside_too(rows: list[list[int]]) -> None:
    amounts, parts, _ = grid(rows)
    inside = hidden_of(amounts, parts, 5)[1]
    assert inside <= hidden_of(amounts, parts, 10, already=inside)[1]


def test_elimination_finds_what_follows_from_several_sums_together() -> None:
    """Each sum has two unknowns, all of them together have one solution: a + b, b + c, a + c."""
    amounts, parts = [1, 2, 3, 3, 5, 4], [(3, "x", 0), (3, "x", 1), (4, "x", 1), (4, "x", 2), (5, "x", 0), (5, "x", 2)]
    table = table_of(amounts, [None] * 6, [False] * 6, [True] * 6, exact(parts), 5)
    assert determined(table, {0, 1, 2}) == {0, 1, 2}
    assert determined(table, {0, 1, 2, 5}) == set()


def test_distinct_people_take_another_member_with_them_where_there_is_one() -> None:
    """50 people in places of 20, 3 and 30: three were in two of them."""
    table = table_of([50, 20, 3, 30], [None] * 4, [False] * 4, [True] * 4, [(0, "places", part, False) for part in (1, 2, 3)], 5)
    assert hide(table, [50, 20, 3, 30], [True] * 4, 5) == {1, 2}


def test_distinct_people_of_one_place_only_hide_the_whole() -> None:
    """The whole is at least and at most its one part."""
    table = table_of([3, 3], [None] * 2, [False] * 2, [True] * 2, [(0, "places", 1, False)], 5)
    assert hide(table, [3, 3], [True] * 2, 5) == {0, 1}
    assert pinned(table, {1}) == {1}


def test_the_parts_of_a_count_that_another_metric_shows_are_hidden_with_it() -> None:
    """40 ratings, 3 of them set by default: those given would give them away."""
    table = table_of([40, 37, 3], [None] * 3, [False] * 3, [True] * 3, exact([(0, "rating", 1), (0, "rating", 2)]), 5)
    assert hide(table, [40, 37, 3], [True] * 3, 5) == {1, 2}
