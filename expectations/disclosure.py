"""What somebody who adds and subtracts published counts can work out about the hidden ones.

A table is a list of counts and of equations `whole = sum of parts` between them. A hidden count is given away when the
equations leave it one value: by linear algebra alone, or because counts are whole numbers that are not negative.
"""

from __future__ import annotations

import heapq
import random
from collections import defaultdict, deque
from dataclasses import dataclass, field

# Arithmetic modulo a prime is exact; that a random vector of the null space is 0 by chance where it need not be has odds of
# one in 2^61, and then too much is hidden, never too little.
PRIME = 2**61 - 1
INFINITE = 1 << 62


@dataclass(frozen=True)
class Equation:
    """The whole is the sum of its parts (cell numbers); where it is not exact, as of distinct people, it is at most that and at
    least each part."""

    whole: int
    parts: tuple[int, ...]
    is_exact: bool = True


@dataclass
class Table:
    """Counts (cell n at index n), the equations between them, and what an attacker knows besides.

    `least`: what a hidden count is at least; `most`: what any count is known to be at most (INFINITE: nothing is known).    """

    amounts: list[int]
    equations: list[Equation]
    least: list[int]
    most: list[int]
    equations_of: list[list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.equations_of = [[] for _ in self.amounts]
        for number, equation in enumerate(self.equations):
            for cell in (equation.whole, *equation.parts):
                self.equations_of[cell].append(number)


def given_away(table: Table, hidden: set[int]) -> set[int]:
    """The hidden counts that have one possible value only.

    Args: table: counts and equations. hidden: numbers of the cells that are not shown.
    Returns: those of `hidden` that follow from the shown ones, by elimination or by bounds.
    """
    return determined(table, hidden) | pinned(table, hidden)


def determined(table: Table, hidden: set[int]) -> set[int]:
    """The hidden counts that every solution of the equations gives the same value: a vector of the null space, drawn at random,
    is 0 there. Exact: elimination modulo a prime, the shortest equation first."""
    rows, numbers_of = _hidden_part(table, hidden)
    fixed: set[int] = set()
    solved = _solved_for_a_free_cell(rows, numbers_of)
    queue = [(len(row), number) for number, row in rows.items()]
    heapq.heapify(queue)
    while queue:
        length, number = heapq.heappop(queue)
        row = rows.get(number)
        if row is None or len(row) != length:
            continue
        del rows[number]
        for cell in row:
            numbers_of[cell].discard(number)
        if not row:
            continue
        pivot = min(row, key=lambda cell: (len(numbers_of[cell]), cell))
        if length == 1:
            fixed.add(pivot)
        else:
            solved.append((pivot, row))
        inverse = pow(row[pivot], -1, PRIME)
        for other in sorted(numbers_of.pop(pivot)):
            target = rows[other]
            factor = target.pop(pivot) * inverse % PRIME
            for cell, coefficient in row.items():
                if cell == pivot:
                    continue
                value = (target.get(cell, 0) - factor * coefficient) % PRIME
                if value:
                    target[cell] = value
                    numbers_of[cell].add(other)
                elif cell in target:
                    del target[cell]
                    numbers_of[cell].discard(other)
            heapq.heappush(queue, (len(target), other))
    draw = random.Random(0)
    vector = dict.fromkeys(fixed, 0)
    pivots = {pivot for pivot, _ in solved} | fixed
    for cell in sorted(hidden - pivots):
        vector[cell] = draw.randrange(1, PRIME)
    for pivot, row in reversed(solved):
        total = sum(coefficient * vector[cell] for cell, coefficient in row.items() if cell != pivot)
        vector[pivot] = -total * pow(row[pivot], -1, PRIME) % PRIME
    return {cell for cell in hidden if not vector[cell]}


def _solved_for_a_free_cell(rows: dict[int, dict[int, int]], numbers_of: dict[int, set[int]]) -> list[tuple[int, dict[int, int]]]:
    """Takes out the equations that one of their cells is free to satisfy, being in no other. Returns: (that cell, equation)."""
    solved = []
    free = [cell for cell, numbers in numbers_of.items() if len(numbers) == 1]
    while free:
        cell = free.pop()
        if len(numbers_of.get(cell, ())) != 1:
            continue
        row = rows[next(iter(numbers_of[cell]))]
        if len(row) == 1:
            continue
        number = numbers_of[cell].pop()
        del rows[number], numbers_of[cell]
        solved.append((cell, row))
        for other in row:
            if other != cell:
                numbers_of[other].discard(number)
                if len(numbers_of[other]) == 1:
                    free.append(other)
    return solved


def pinned(table: Table, hidden: set[int]) -> set[int]:
    """The hidden counts whose bounds meet, when each equation passes on what it says about the bounds of its cells."""
    low = [table.least[cell] if cell in hidden else amount for cell, amount in enumerate(table.amounts)]
    high = [table.most[cell] if cell in hidden else amount for cell, amount in enumerate(table.amounts)]
    waiting = deque(sorted({number for cell in hidden for number in table.equations_of[cell]}))
    queued = set(waiting)
    # Bounds that only creep are cut off: what is not found then is found by nobody who adds up by hand.
    budget = 50 * (len(waiting) + 1)
    while waiting and budget:
        budget -= 1
        number = waiting.popleft()
        queued.discard(number)
        for cell, (lower, upper) in _passed_on(table.equations[number], low, high):
            if cell in hidden and (lower > low[cell] or upper < high[cell]):
                low[cell], high[cell] = max(low[cell], lower), min(high[cell], upper)
                for following in table.equations_of[cell]:
                    if following not in queued:
                        queued.add(following)
                        waiting.append(following)
    return {cell for cell in hidden if low[cell] >= high[cell]}


def _passed_on(equation: Equation, low: list[int], high: list[int]):
    """What an equation says about the bounds of its cells: (cell, (lower, upper))."""
    whole, parts = equation.whole, equation.parts
    sum_low = sum(low[part] for part in parts)
    infinite = sum(high[part] >= INFINITE for part in parts)
    sum_high = sum(high[part] for part in parts if high[part] < INFINITE)
    if not equation.is_exact:
        yield whole, (max(low[part] for part in parts), INFINITE if infinite else sum_high)
    else:
        yield whole, (sum_low, INFINITE if infinite else sum_high)
    for part in parts:
        others_infinite = infinite - (high[part] >= INFINITE)
        others_high = sum_high - (high[part] if high[part] < INFINITE else 0)
        lower = low[whole] - others_high if not others_infinite else 0
        if not equation.is_exact or high[whole] >= INFINITE:
            upper = high[whole]
        else:
            upper = high[whole] - (sum_low - low[part])
        yield part, (lower, upper)


def _hidden_part(table: Table, hidden: set[int]) -> tuple[dict[int, dict[int, int]], dict[int, set[int]]]:
    """The equations as far as they are about hidden cells: coefficients by cell, and the equations of each cell."""
    rows: dict[int, dict[int, int]] = {}
    numbers_of: dict[int, set[int]] = defaultdict(set)
    for number in sorted({number for cell in hidden for number in table.equations_of[cell]}):
        equation = table.equations[number]
        if not equation.is_exact:
            continue
        row = {part: PRIME - 1 for part in equation.parts if part in hidden}
        if equation.whole in hidden:
            row[equation.whole] = 1
        rows[number] = row
        for cell in row:
            numbers_of[cell].add(number)
    for cell in hidden:
        numbers_of[cell]
    return rows, numbers_of
