"""Which counts of people are hidden: the small ones, and as few others as it takes that nobody works those out.

A small count is safe when there is another table that agrees with everything that is shown and has another number there. The
cheapest one is found by linear programming (after Kelly, Golden & Assad 1992): it changes the count by one and makes up for it
in others; those that it changes are hidden too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, csr_matrix, hstack
from scipy.sparse.csgraph import connected_components

from expectations.disclosure import INFINITE, Equation, Table

# What a count must change by to be in the other table, as far as the solver is exact.
CHANGED = 1e-6


def hide(table: Table, exposed: list[int | None], is_shown: list[bool], k: int, already: Iterable[int] = ()) -> set[int]:
    """The cells to hide so that no count of 1 to k-1 people is shown or can be worked out.

    Deterministic. Small counts are hidden rather than large ones, so members rather than totals; zeros are always shown.

    Args: table: counts and their equations. exposed: per cell, the smallest number of people that it gives away; None where
        that is nobody. is_shown: False for counts that nobody publishes, which must not be worked out either when small.
        k: the smallest count that is shown. already: cells that are hidden for another reason.
    Returns: numbers of the shown cells that must be hidden.
    Raises: AssertionError when a small count is given away although all others may be hidden.
    """
    small = {cell for cell, count in enumerate(exposed) if count is not None and count < k}
    unpublished = {cell for cell, shown in enumerate(is_shown) if not shown}
    hidden = small | unpublished | set(already)
    for block in _blocks(table, small):
        unsafe = sorted(small.intersection(block.cells.tolist()))
        while unsafe:
            batch = _far_apart(table, unsafe)
            changed = block.cheapest_change(batch, hidden)
            if changed is None and len(batch) > 1:
                batch = batch[:1]
                changed = block.cheapest_change(batch, hidden)
            if changed is None:
                raise AssertionError(f"cell {batch[0]} is given away whatever else is hidden: is an equation wrong?")
            hidden |= changed
            unsafe = [cell for cell in unsafe if cell not in changed]
    return hidden - unpublished


def table_of(
    amounts: list[int], whole: list[int | None], hides_zero: list[bool], is_additive: list[bool], is_shown: list[bool],
    parts: Iterable[tuple[int, str, int]], k: int,
) -> Table:
    """The counts of `kpi_cell` and the relations of `kpi_cell_part` as a table.

    Args: amounts, whole, hides_zero, is_additive, is_shown: the columns of `kpi_cell` in the order of cell_no. parts: (whole_no,
        relation, part_no). k: the smallest count that is shown.
    Returns: the table. A hidden count is known to be at least 1, except where zeros are hidden (also those of a hidden whole) or
        nothing is published, and at most the whole that it is a proportion of, when that is large enough to be shown.
    """
    by_whole: dict[tuple[int, str], list[int]] = defaultdict(list)
    for whole_no, relation, part_no in parts:
        by_whole[whole_no, relation].append(part_no)
    equations = [Equation(key[0], tuple(sorted(found))) for key, found in sorted(by_whole.items())]
    return Table(
        amounts=amounts,
        equations=equations,
        least=[
            0 if zero or not shown or amount == 0 else 1
            for amount, zero, shown in zip(amounts, hides_zero, is_shown, strict=True)
        ],
        most=[INFINITE if limit is None or limit < k else limit for limit in whole],
        is_additive=is_additive,
    )


class _Block:
    """Cells that equations connect with each other, and with no others; a linear programme for all of them."""

    def __init__(self, table: Table, cells: numpy.ndarray, rows: csr_matrix) -> None:
        self.cells = cells
        self._position = {int(cell): place for place, cell in enumerate(cells)}
        self._equations = hstack([rows, -rows], format="csc")
        amounts = numpy.array([table.amounts[cell] for cell in cells], dtype=float)
        self._amounts = amounts
        self._room_below = numpy.maximum(amounts - numpy.array([table.least[cell] for cell in cells]), 0)
        self._room_above = numpy.array([min(table.most[cell], 1e9) for cell in cells]) - amounts
        # Hiding a count costs its size, so that totals stay; the last digits make the choice between equal ones always the same.
        self._cost = (1 + amounts) * (1 + 1e-3 * ((cells * 0.6180339887498949) % 1))

    def cheapest_change(self, targets: list[int], hidden: set[int]) -> set[int] | None:
        """The cells of a table that agrees with the shown ones and has one more in each target, where as little as possible is
        changed that is not hidden; None when there is no such table."""
        is_hidden = numpy.array([int(cell) in hidden for cell in self.cells])
        movable = is_hidden | (self._amounts > 0)
        up = numpy.where(movable, self._room_above, 0.0)
        down = numpy.where(movable, self._room_below, 0.0)
        lower = numpy.zeros(2 * len(self.cells))
        for target in targets:
            place = self._position[target]
            if up[place] >= 1:
                lower[place], up[place], down[place] = 1.0, 1.0, 0.0
            else:
                lower[place + len(self.cells)], up[place], down[place] = 1.0, 0.0, 1.0
        cost = numpy.where(is_hidden, 0.0, self._cost)
        found = linprog(
            numpy.concatenate([cost, cost]),
            A_eq=self._equations, b_eq=numpy.zeros(self._equations.shape[0]),
            bounds=numpy.column_stack([lower, numpy.concatenate([up, down])]),
            method="highs",
        )  # fmt: skip
        if found.status != 0:
            return None
        change = found.x[: len(self.cells)] - found.x[len(self.cells) :]
        return {int(cell) for cell in self.cells[numpy.abs(change) > CHANGED]}


def _blocks(table: Table, small: set[int]) -> list[_Block]:
    """The blocks that have a small count."""
    whole_or_part = [
        (number, cell, sign)
        for number, equation in enumerate(table.equations)
        for cell, sign in ((equation.whole, 1), *((part, -1) for part in equation.parts))
    ]
    size = len(table.amounts)
    rows, columns, signs = zip(*whole_or_part) if whole_or_part else ((), (), ())
    matrix = coo_matrix((signs, (rows, columns)), shape=(len(table.equations), size), dtype=float).tocsr()
    _, label = connected_components((matrix.T @ matrix), directed=False)
    row_label = label[[equation.whole for equation in table.equations]] if table.equations else numpy.array([], dtype=int)
    return [
        _Block(table, cells, matrix[numpy.flatnonzero(row_label == wanted)][:, cells])
        for wanted in sorted({int(label[cell]) for cell in small})
        for cells in [numpy.flatnonzero(label == wanted)]
    ]


def _far_apart(table: Table, cells: list[int]) -> list[int]:
    """Of some cells, those that do not get into each other's way: no equation of one has a cell in an equation of another."""
    chosen, taken = [], set()
    for cell in cells:
        around = {
            other
            for number in table.equations_of[cell]
            for other in (table.equations[number].whole, *table.equations[number].parts)
        } | {cell}
        if taken.isdisjoint(around):
            chosen.append(cell)
            taken |= around
    return chosen
