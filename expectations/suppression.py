"""Which counts of people are hidden: the small ones, and as few others as it takes that nobody works those out.

A small count is safe when there is another table that agrees with everything that is shown and has another number there. The
cheapest one is found by linear programming (after Kelly, Golden & Assad 1992): it changes the count by one and makes up for it
in others; those that it changes are hidden too.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy
import scipy
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, csr_matrix, hstack
from scipy.sparse.csgraph import connected_components

from expectations.disclosure import INFINITE, Equation, Table

# What a count must change by to be in the other table, as far as the solver is exact.
CHANGED = 1e-6
# How far counts may move when one looks for those that can move at all.
REACH = 10.0
# Tables that one draws to see which counts can move; those that move in none are looked at one by one.
DRAWS = 2
# Counts of up to this many people are hidden for others before larger ones are.
LARGEST = (20, 60, 1000, 10**9)
# How many counts of the largest size may be hidden for one, before larger counts are tried.
WORTH = 60


@dataclass(frozen=True)
class Choice:
    """The cells of one block that are not shown, by their numbers (`cells`) and by their places in the block (`places`).
    `digest`: of everything that the choice follows from, whatever else there is in the table."""

    digest: str
    cells: list[int]
    places: list[int]


def hide(table: Table, exposed: list[int | None], is_shown: list[bool], k: int, already: Iterable[int] = ()) -> set[int]:
    """The cells to hide so that no count of 1 to k-1 people is shown or can be worked out: those of `choose`, and `already`.

    Args, errors: as for `choose`. Returns: numbers of the shown cells that must be hidden.
    """
    chosen = {cell for choice in choose(table, exposed, is_shown, k, already) for cell in choice.cells}
    return chosen | {cell for cell in already if is_shown[cell]}


def choose(
    table: Table, exposed: list[int | None], is_shown: list[bool], k: int, already: Iterable[int] = (),
    earlier: Mapping[str, Iterable[int]] | None = None, threads: int = 1,
) -> list[Choice]:
    """What to hide in each block that has a small count.

    Deterministic, and each block for itself: what is chosen in one is the same whatever the others hold. Small counts are hidden
    rather than large ones, so members rather than totals; zeros are shown unless a small count would follow from them whatever else
    is hidden.

    Args: table: counts and their equations. exposed: per cell, the smallest number of people that it gives away; None where
        that is nobody. is_shown: False for counts that nobody publishes, which must not be worked out either when small.
        k: the smallest count that is shown. already: cells that are hidden for another reason. earlier: digest → places of choices
        that were made before; they are taken over instead of being made again. threads: blocks that are looked at at a time.
    Returns: the choices, of the shown cells only.
    Raises: AssertionError when a small count is given away although all others may be hidden.
    """
    small = numpy.array([count is not None and count < k for count in exposed], dtype=bool)
    unpublished = ~numpy.array(is_shown, dtype=bool)
    hidden = small | unpublished
    hidden[list(already)] = True
    # Blocks with the same counts, bonds and hidden cells have the same choice: of small ones there are many.
    places = dict(earlier or {})
    making: dict[str, Future[numpy.ndarray]] = {}

    def made(block: _Block) -> numpy.ndarray:
        is_unpublished = unpublished[block.cells]
        return numpy.flatnonzero(block.hide(hidden[block.cells], small[block.cells]) & ~is_unpublished)

    # The solver works without Python's lock.
    with ThreadPoolExecutor(threads) as pool:
        blocks = []
        for block in _blocks(table, small):
            digest = block.digest(hidden[block.cells], small[block.cells], unpublished[block.cells])
            blocks.append((digest, block.cells))
            if digest not in places and digest not in making:
                making[digest] = pool.submit(made, block)
    places |= {digest: found.result() for digest, found in making.items()}
    return [
        Choice(digest, cells[chosen].tolist(), chosen.tolist())
        for digest, cells in blocks
        for chosen in [numpy.array(sorted(places[digest]), dtype=int)]
    ]


@cache
def _version() -> bytes:
    """What the choices depend on besides the counts: this file, and the solver."""
    return repr((Path(__file__).read_text(encoding="utf-8"), numpy.__version__, scipy.__version__)).encode()


def table_of(
    amounts: list[int], whole: list[int | None], hides_zero: list[bool], is_shown: list[bool],
    parts: Iterable[tuple[int, str, int, bool]], k: int,
) -> Table:
    """The counts of `kpi_cell` and the relations of `kpi_cell_part` as a table.

    Args: amounts, whole, hides_zero, is_shown: the columns of `kpi_cell` in the order of cell_no. parts: (whole_no, relation,
        part_no, is_exact). k: the smallest count that is shown.
    Returns: the table. A hidden count is known to be at least 1, except where zeros are hidden (also those of a hidden whole) or
        nothing is published, and at most the whole that it is a proportion of, when that is large enough to be shown.
    """
    by_whole: dict[tuple[int, str, bool], list[int]] = defaultdict(list)
    for whole_no, relation, part_no, is_exact in parts:
        by_whole[whole_no, relation, is_exact].append(part_no)
    return Table(
        amounts=amounts,
        equations=[Equation(key[0], tuple(sorted(found)), key[2]) for key, found in sorted(by_whole.items())],
        least=[
            0 if zero or not shown or amount == 0 or limit is not None and limit < k else 1
            for amount, limit, zero, shown in zip(amounts, whole, hides_zero, is_shown, strict=True)
        ],
        most=[INFINITE if limit is None or limit < k else limit for limit in whole],
    )


@dataclass
class _Block:
    """Cells that equations connect with each other, and with no others; a linear programme for all of them.

    A whole of distinct people and the sum of its parts differ by those who are in several: a column of its own in `sums`, after
    those of the cells. `bounds` has a row for each of these parts, which is at most its whole.
    """

    cells: numpy.ndarray
    amounts: numpy.ndarray
    room_below: numpy.ndarray
    room_above: numpy.ndarray
    overlaps: numpy.ndarray
    overlap_cost: numpy.ndarray
    sums: csr_matrix
    bounds: csr_matrix
    slack: numpy.ndarray

    def digest(self, *of_cells: numpy.ndarray) -> str:
        """Of everything that `hide` looks at, itself included, and of what else is said of the cells."""
        matrices = [part for matrix in (self.sums, self.bounds) for part in (matrix.indptr, matrix.indices, matrix.data)]
        arrays = [
            self.amounts, self.room_below, self.room_above, self.overlaps, self.overlap_cost, *matrices, self.slack, *of_cells,
        ]  # fmt: skip
        found = hashlib.sha256(_version())
        for array in arrays:
            found.update(f"{array.dtype} {array.shape} ".encode())
            found.update(numpy.ascontiguousarray(array).data)
        return found.hexdigest()

    def hide(self, is_hidden: numpy.ndarray, small: numpy.ndarray) -> numpy.ndarray:
        """Which cells are hidden in the end, when some are hidden (which this changes) and the small ones must not be worked out."""
        unsafe = small & ~self.movable(is_hidden, small)
        for largest in LARGEST:
            if unsafe.any():
                changed = self.cheapest_change(self.far_apart(numpy.flatnonzero(unsafe)), is_hidden, largest, must=False)
                if changed is None:
                    continue
                is_hidden |= changed
                unsafe &= ~changed
                unsafe &= ~self.movable(is_hidden, unsafe)
        found = unsafe
        while unsafe.any() and found.any():
            changed = self.cheapest_change(numpy.flatnonzero(unsafe), is_hidden, LARGEST[-1], must=False)
            if changed is None:
                break
            found = changed & unsafe
            is_hidden |= changed
            unsafe &= ~changed
        while unsafe.any():
            target = numpy.flatnonzero(unsafe)[:1]
            changed = self.cheapest_change(target, is_hidden, LARGEST[-1])
            if changed is None:
                changed = self.cheapest_change(target, is_hidden, numpy.inf)
            if changed is None:
                raise AssertionError(
                    f"cell {self.cells[target[0]]} is given away whatever else is hidden: is an equation wrong? "
                    "See it in kpi_cell, and what it is part of in kpi_cell_part."
                )
            is_hidden |= changed
            unsafe &= ~changed
            unsafe &= ~self.movable(is_hidden, unsafe)
        return is_hidden

    def cheapest_change(self, targets: numpy.ndarray, hidden: numpy.ndarray, largest: float, must: bool = True) -> numpy.ndarray | None:
        """Which cells differ in a table that agrees with the shown ones and has another number in each target, where as little as
        possible is changed that is not hidden, and only counts from 1 to `largest` (infinite: zeros too); None when there is none.
        Where not all targets must, those are left that nothing up to `largest` helps."""
        size = len(self.cells)
        can_move = hidden | (self.amounts > 0) & (self.amounts <= largest) | numpy.isinf(largest)
        up = numpy.concatenate([numpy.where(can_move, self.room_above, 0.0), numpy.full(len(self.overlaps), 1e9)])
        down = numpy.concatenate([numpy.where(can_move, self.room_below, 0.0), self.overlaps])
        low_up, low_down = numpy.zeros_like(up), numpy.zeros_like(down)
        upwards = targets[up[targets] >= 1]
        downwards = numpy.setdiff1d(targets, upwards)
        down[downwards] = numpy.maximum(down[downwards], 1.0)
        down[upwards], up[downwards] = 0.0, 0.0
        low_up[upwards], low_down[downwards] = float(must), float(must)
        # Hiding a count costs its size, so that totals stay; the last digits make the choice between equal ones always the same. They
        # tell of the place in the block: numbers of cells change when there are more counts elsewhere.
        cost = (1 + self.amounts) * (1 + 1e-3 * ((numpy.arange(size) * 0.6180339887498949) % 1))
        cost = numpy.concatenate([numpy.where(hidden, 0.0, cost), self.overlap_cost])
        columns = numpy.flatnonzero((up > 0) | (down > 0))
        sums, bounds = _twice(self.sums[:, columns]), _twice(self.bounds[:, columns])
        # The first unit of each target is a column of its own, which pays.
        place = numpy.searchsorted(columns, targets) + numpy.where(numpy.isin(targets, upwards), 0, len(columns))
        pays = numpy.full(0 if must else len(targets), -WORTH * largest, dtype=float)
        first = place[: len(pays)]
        found = _solve(
            numpy.concatenate([cost[columns], cost[columns], pays]),
            hstack([sums, sums[:, first]], format="csr"), hstack([bounds, bounds[:, first]], format="csr"), self.slack,
            numpy.concatenate([low_up[columns], low_down[columns], numpy.zeros(len(pays))]),
            numpy.concatenate([up[columns], down[columns], numpy.ones(len(pays))]),
        )  # fmt: skip
        if found is None:
            return None
        numpy.add.at(found, first, found[2 * len(columns) :])
        change = numpy.zeros(size + len(self.overlaps))
        change[columns] = found[: len(columns)] - found[len(columns) : 2 * len(columns)]
        return numpy.abs(change[:size]) > CHANGED

    def movable(self, hidden: numpy.ndarray, asked: numpy.ndarray) -> numpy.ndarray:
        """Which cells have another number in some table that agrees with the shown ones and in which as many people are in several
        parts as there are; some of those that do may be missed, none is added."""
        moved = numpy.zeros(len(self.cells), dtype=bool)
        columns = numpy.flatnonzero(hidden)
        if not asked.any():
            return moved
        place = numpy.full(len(self.cells), -1)
        place[columns] = numpy.arange(len(columns))
        sums, bounds = self.sums[:, columns], self.bounds[:, columns]
        lower, upper = -numpy.minimum(self.room_below[columns], REACH), numpy.minimum(self.room_above[columns], REACH)
        draw = numpy.random.default_rng(0)
        for _ in range(DRAWS):
            goal = draw.uniform(0.5, 1.5, len(columns)) * draw.choice([-1.0, 1.0], len(columns))
            for sign in (1.0, -1.0):
                still = asked[columns] & ~moved[columns]
                if not still.any():
                    return moved
                goals = numpy.where(still, goal, 0.01 * goal) * sign
                found = _solve(goals, sums, bounds, self.slack, lower, upper)
                if found is not None:
                    moved[columns] |= numpy.abs(found) > CHANGED
        return moved

    def far_apart(self, targets: numpy.ndarray) -> numpy.ndarray:
        """Of some cells, those that do not get into each other's way: no equation of one has a cell in an equation of another."""
        by_cell = self.sums[:, : len(self.cells)].tocsc()
        by_sum = self.sums.tocsr()
        chosen, taken = [], set()
        for target in targets.tolist():
            around = {target}
            for number in by_cell.indices[by_cell.indptr[target] : by_cell.indptr[target + 1]]:
                around.update(by_sum.indices[by_sum.indptr[number] : by_sum.indptr[number + 1]].tolist())
            if taken.isdisjoint(around):
                chosen.append(target)
                taken |= around
        return numpy.array(chosen)


def _twice(matrix: csr_matrix) -> csr_matrix:
    """The matrix for what goes up and, negative, for what goes down."""
    rows, columns = matrix.shape
    found = matrix.tocoo()
    return coo_matrix(
        (numpy.concatenate([found.data, -found.data]), (numpy.tile(found.row, 2), numpy.concatenate([found.col, found.col + columns]))),
        shape=(rows, 2 * columns),
    ).tocsr()


def _solve(cost, sums, bounds, slack, lower, upper) -> numpy.ndarray | None:
    """The cheapest change that leaves all sums as they are, or None."""
    used = numpy.flatnonzero(sums.getnnz(axis=1))
    bounded = numpy.flatnonzero(bounds.getnnz(axis=1))
    found = linprog(
        cost,
        A_eq=sums[used] if len(used) else None, b_eq=numpy.zeros(len(used)) if len(used) else None,
        A_ub=bounds[bounded] if len(bounded) else None, b_ub=slack[bounded] if len(bounded) else None,
        bounds=numpy.column_stack([lower, upper]), method="highs",
    )  # fmt: skip
    return found.x if found.status == 0 else None


def _blocks(table: Table, small: numpy.ndarray) -> Iterator[_Block]:
    """The blocks that have a small count, the largest first: it takes longest."""
    size = len(table.amounts)
    amounts = numpy.array(table.amounts, dtype=float)
    least = numpy.array(table.least, dtype=float)
    most = numpy.minimum(numpy.array(table.most, dtype=float), 1e9)
    label = _labels(table)
    equations_of = defaultdict(list)
    for equation in table.equations:
        equations_of[label[equation.whole]].append(equation)
    cells_of = defaultdict(list)
    for cell in range(size):
        cells_of[label[cell]].append(cell)
    for wanted in sorted({int(found) for found in label[small]}, key=lambda found: (-len(cells_of[found]), found)):
        cells = numpy.array(cells_of[wanted])
        place = {cell: number for number, cell in enumerate(cells.tolist())}
        sums, bounds, overlaps, overlap_cost, slack = [], [], [], [], []
        for number, equation in enumerate(equations_of[wanted]):
            sums.append((number, place[equation.whole], 1.0))
            sums += [(number, place[part], -1.0) for part in equation.parts]
            if not equation.is_exact:
                sums.append((number, len(cells) + len(overlaps), 1.0))
                overlaps.append(sum(table.amounts[part] for part in equation.parts) - table.amounts[equation.whole])
                # Cheaper than any table that hides a total larger than this one.
                overlap_cost.append(1.0 + table.amounts[equation.whole])
                for part in equation.parts:
                    bounds += [(len(slack), place[part], 1.0), (len(slack), place[equation.whole], -1.0)]
                    slack.append(table.amounts[equation.whole] - table.amounts[part])
        width = len(cells) + len(overlaps)
        yield _Block(
            cells, amounts[cells], numpy.maximum(amounts[cells] - least[cells], 0), most[cells] - amounts[cells],
            numpy.array(overlaps, dtype=float), numpy.array(overlap_cost), _matrix(sums, len(equations_of[wanted]), width),
            _matrix(bounds, len(slack), width), numpy.array(slack, dtype=float),
        )  # fmt: skip


def _matrix(entries: list[tuple[int, int, float]], height: int, width: int) -> csr_matrix:
    rows, columns, values = zip(*entries) if entries else ((), (), ())
    return coo_matrix((values, (rows, columns)), shape=(height, width), dtype=float).tocsr()


def _labels(table: Table) -> numpy.ndarray:
    """Per cell, the number of its block."""
    size = len(table.amounts)
    pairs = [(equation.whole, part) for equation in table.equations for part in equation.parts]
    wholes, parts = zip(*pairs) if pairs else ((), ())
    graph = coo_matrix((numpy.ones(len(pairs)), (wholes, parts)), shape=(size, size))
    return connected_components(graph, directed=False)[1]
