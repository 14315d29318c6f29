"""The true KPIs about what reports print, held against what the records say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

from samples.truth.common import Cell, Figures, Frame, Key, Number, count, rate, tally
from samples.world import UNKNOWN, Figure

COUNTED = {  # metric → what it counts: which records there are, and how much each of them is
    "P01": lambda world: ((one.place, one.day, one.state == "held") for one in world.activities),
    "R01.raised": lambda world: ((one.place, one.opened.date(), 1) for one in world.cases),
    "R01.resolved": lambda world: ((one.place, one.opened.date(), one.outcome == "resolved") for one in world.cases),
    "F01.raised": lambda world: ((one.place, one.day, one.amount) for one in world.money if one.kind == "donation"),
}
CURRENCIES = {"元": "CNY"}


def figures(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """All KPIs about reported figures."""
    told = [
        figure for figure in frame.world.figures
        if figure.metric_code and figure.place != UNKNOWN and figure.period_start and figure.period_end
    ]
    yield from agreement(frame, told)
    yield from conflicts(frame, told)


def recorded(frame: Frame) -> dict[tuple[str, Cell], Number]:
    """What the records give for the metrics that reports print, where there is any record."""
    found: dict[tuple[str, Cell], Number] = tally()
    for metric, records in COUNTED.items():
        for place, day, amount in records(frame.world):
            for cell in frame.cells(place, day):
                found[metric, cell] += amount
    return found


def agreement(frame: Frame, told: list[Figure]) -> Iterator[tuple[Key, Figures]]:
    """V01 and V03."""
    true = recorded(frame)
    periods = {(frame.periods.start(period), frame.periods.end(period)): period for period in frame.periods.every()}
    agreeing, comparable, of_records, reported, numbers = tally(), tally(), tally(), tally(), tally()
    for figure in told:
        period = periods.get((figure.period_start, figure.period_end))
        value = true.get((figure.metric_code, frame.at(period, figure.place))) if period else None
        if value is None:
            continue
        last_day, currency = figure.period_end - timedelta(days=1), CURRENCIES.get(figure.unit)
        for cell in frame.cells(figure.place, last_day):
            agreeing[cell] += agrees(figure, value)
            comparable[cell] += 1
        for cell in frame.cells(figure.place, last_day, {"metric": figure.metric_code}, currency, total=False):
            of_records[cell] += value
            reported[cell] += figure.value
            numbers[cell] += 1
    yield from rate("V01", agreeing, comparable)
    for key, found in rate("V03", of_records, reported):
        yield key, found | {"n": numbers[key[1:]]}


def agrees(figure: Figure, value: Number) -> bool:
    """Whether a number is within the bounds that were printed, or else within one unit of the last printed digit."""
    if figure.lower != figure.upper:
        return (figure.lower is None or value >= figure.lower) and (figure.upper is None or value <= figure.upper)
    return abs(Fraction(figure.value) - Fraction(value)) < Fraction(10) ** -(figure.decimals or 0)


def conflicts(frame: Frame, told: list[Figure]) -> Iterator[tuple[Key, Figures]]:
    """V02."""
    of_same: dict[tuple, list[Figure]] = defaultdict(list)
    for figure in told:
        of_same[figure.metric_code, figure.place, figure.period_start, figure.period_end, figure.unit].append(figure)
    pairs = tally()
    for found in of_same.values():
        for one, other in combinations(found, 2):
            if is_below(one, other) or is_below(other, one):
                for cell in frame.cells(one.place, one.period_end - timedelta(days=1)):
                    pairs[cell] += 1
    yield from count("V02", pairs)


def is_below(one: Figure, other: Figure) -> bool:
    """Whether the highest that one figure may mean is below the lowest of the other."""
    highest, lowest = bounds(one)[1], bounds(other)[0]
    return highest is not None and lowest is not None and highest < lowest


def bounds(figure: Figure) -> tuple[Decimal | None, Decimal | None]:
    """The lowest and the highest that a figure may mean: its value where nothing is said."""
    return (figure.value, figure.value) if figure.lower is None and figure.upper is None else (figure.lower, figure.upper)
