"""What every family of true KPIs needs: the place tree as it was, periods, and cells to count in.

Independent of the warehouse on purpose: the standard library only. Both sides follow the definitions of the catalogue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from samples.world import DATA_END, FIRST_DAY, UNKNOWN, Place, World

# Metric, place, period type, its start (None: all), breakdown, member, currency.
Key = tuple[str, str, str, date | None, str, str, str | None]
Figures = dict[str, object]  # value (None: no base), numerator, denominator, n; a figure that is left out is not compared
Cell = tuple[str, str, date | None, str, str, str | None]  # a Key without its metric
LAST_DAY = DATA_END - timedelta(days=1)


def next_month(day: date) -> date:
    """The first day of the next month."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def month_of(day: date) -> date:
    """The first day of the month."""
    return day.replace(day=1)


def month_end(day: date) -> date:
    """The last day of the month."""
    return next_month(day) - timedelta(days=1)


class Periods:
    """The months of the data, and the periods that they make up."""

    def __init__(self, first_day: date = FIRST_DAY, data_end: date = DATA_END) -> None:
        self.data_end = data_end
        self.months = []
        month = month_of(first_day)
        while month < data_end:
            self.months.append(month)
            month = next_month(month)

    @lru_cache(maxsize=None)  # noqa: B019
    def of_month(self, month: date) -> tuple[tuple[str, date | None], ...]:
        """Month, quarter, year and all time that a month belongs to; nothing for a month without data."""
        if month not in set(self.months):
            return ()
        quarter = date(month.year, month.month - (month.month - 1) % 3, 1)
        return ("month", month), ("quarter", quarter), ("year", date(month.year, 1, 1)), ("all", None)

    def of(self, day: date) -> tuple[tuple[str, date | None], ...]:
        """The periods that a day belongs to."""
        return self.of_month(month_of(day))

    def every(self) -> list[tuple[str, date | None]]:
        """All periods, each once, in order."""
        return list(dict.fromkeys(period for month in self.months for period in self.of_month(month)))

    def end(self, period: tuple[str, date | None]) -> date:
        """The first day after a period."""
        kind, start = period
        if kind == "all":
            return next_month(self.months[-1])
        steps = {"month": 1, "quarter": 3, "year": 12}[kind]
        for _ in range(steps):
            start = next_month(start)
        return start

    def start(self, period: tuple[str, date | None]) -> date:
        """The first day of a period."""
        return period[1] or self.months[0]

    def cutoff(self, period: tuple[str, date | None]) -> date:
        """The first day after what is known of a period."""
        return min(self.end(period), self.data_end)

    def before(self, period: tuple[str, date | None]) -> tuple[str, date] | None:
        """The period of the same type before; None for all time."""
        kind, start = period
        if kind == "all":
            return None
        return next(found for found in self.of_any(start - timedelta(days=1)) if found[0] == kind)

    def of_any(self, day: date) -> tuple[tuple[str, date | None], ...]:
        """The periods of a day, of months without data too."""
        month = month_of(day)
        return (
            ("month", month),
            ("quarter", date(month.year, month.month - (month.month - 1) % 3, 1)),
            ("year", date(month.year, 1, 1)),
        )


class Places:
    """The place tree as it was on a day. What is not valid then counts under the version nearest in time."""

    def __init__(self, places: Iterable[Place]) -> None:
        self.versions: dict[str, list[Place]] = defaultdict(list)
        for place in places:
            self.versions[place.code].append(place)
        for versions in self.versions.values():
            versions.sort(key=lambda place: place.valid_from or date.min)
        self.root = next(code for code, versions in self.versions.items() if versions[0].parent is None)
        self.codes = [*self.versions, UNKNOWN]

    @lru_cache(maxsize=None)  # noqa: B019
    def on(self, code: str, day: date) -> Place:
        """The version of a place that counts on a day."""
        versions = self.versions[code]
        for version in versions:
            if version.valid_to is None or day < version.valid_to:
                return version
        return versions[-1]

    def exists(self, code: str, day: date) -> bool:
        """Whether a version of the place is valid on a day."""
        return any((place.valid_from is None or place.valid_from <= day) and (place.valid_to is None or day < place.valid_to)
                   for place in self.versions[code])

    @lru_cache(maxsize=None)  # noqa: B019
    def above(self, code: str, month: date) -> tuple[str, ...]:
        """A place and all above it, as the tree is at the end of the month."""
        if code == UNKNOWN:
            return UNKNOWN, self.root
        found, day = [], month_end(month)
        while code is not None:
            found.append(code)
            code = self.on(code, day).parent
        return tuple(found)

    def children(self, code: str, day: date) -> list[str]:
        """The places right below one that exist on a day, the unknown member left out."""
        return [child for child in self.versions if self.exists(child, day) and self.on(child, day).parent == code]


class Frame:
    """Places and periods together: where and when a record counts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.places = Places(world.places)
        self.periods = Periods()

    def cells(
        self,
        place: str,
        day: date,
        breakdowns: dict[str, str | None] | None = None,
        currency: str | None = None,
        total: bool = True,
    ) -> Iterator[Cell]:
        """Every cell that a record of a place and a day counts in: all places above, all periods, the total and each breakdown.

        Args: breakdowns: type → member, None is unknown. total: whether the total is a cell, too.
        """
        members = [("none", "total")] if total else []
        members += [(kind, UNKNOWN if member is None else member) for kind, member in (breakdowns or {}).items()]
        for above in self.places.above(place, month_of(day)):
            for kind, start in self.periods.of(day):
                for breakdown, member in members:
                    yield above, kind, start, breakdown, member, currency

    def at(self, period: tuple[str, date | None], place: str, currency: str | None = None) -> Cell:
        """The cell of the total of a place and a period."""
        return place, *period, "none", "total", currency

    @lru_cache(maxsize=None)  # noqa: B019
    def population(self, place: str, measure: str, day: date) -> int | None:
        """The population valid before a day: the place's own latest count, else the sum over its children when all have one."""
        own = [count for count in self.counts.get((place, measure), []) if count[0] < day]
        if own:
            return max(own)[1]
        children = self.places.children(place, day - timedelta(days=1)) if place != UNKNOWN else []
        below = [self.population(child, measure, day) for child in children]
        return sum(below) if below and None not in below else None

    @property
    @lru_cache(maxsize=None)  # noqa: B019
    def counts(self) -> dict[tuple[str, str], list[tuple[date, int]]]:
        """Place and measure → the days and values of its counts."""
        found: dict[tuple[str, str], list[tuple[date, int]]] = defaultdict(list)
        for population in self.world.populations:
            found[population.place, population.measure].append((population.as_of, population.value))
        return found


Number = int | float | Decimal | Fraction


def count(metric: str, counted: dict[Cell, Number]) -> Iterator[tuple[Key, Figures]]:
    """A count or a sum: the value is the numerator."""
    for cell, number in counted.items():
        yield (metric, *cell), {"value": number, "numerator": number}


def rate(metric: str, numerators: dict[Cell, Number], denominators: dict[Cell, Number]) -> Iterator[tuple[Key, Figures]]:
    """Σ numerator / Σ denominator, for every cell that has a base row."""
    for cell, base in denominators.items():
        part = numerators.get(cell, 0)
        counted = {"n": base} if isinstance(base, int) else {}
        yield (
            (metric, *cell),
            {"value": Fraction(part) / Fraction(base) if base else None, "numerator": part, "denominator": base, **counted},
        )


def tally() -> dict[Cell, Number]:
    """Cells that start at 0."""
    return defaultdict(int)


def people() -> dict[Cell, set]:
    """Cells that start with nobody."""
    return defaultdict(set)


def sizes(sets: dict[Cell, set]) -> dict[Cell, int]:
    """How many there are in each cell."""
    return {cell: len(members) for cell, members in sets.items()}


def median(numbers: list[Number]) -> Number:
    """The median, halfway between the two in the middle."""
    numbers = sorted(numbers)
    middle = len(numbers) // 2
    return numbers[middle] if len(numbers) % 2 else Fraction(numbers[middle - 1]) / 2 + Fraction(numbers[middle]) / 2
