"""Chance that gives the same district on every Python: all of it comes from `Random.random()`, whose sequence is guaranteed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice(Random):
    """Draws that depend on `random()` alone."""

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[int(self.random() * len(options))]

    def between(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """Return True in that share of the draws."""
        return self.random() < share

    def weighted(self, options: Sequence[tuple[T, float]]) -> T:
        """Return one of the options, given as (option, weight) with weights that add up to 1."""
        draw = self.random()
        for option, weight in options:
            draw -= weight
            if draw < 0:
                return option
        return options[-1][0]

    def mixed(self, options: Sequence[T]) -> list[T]:
        """Return the options in another order."""
        mixed = list(options)
        for last in range(len(mixed) - 1, 0, -1):
            other = int(self.random() * (last + 1))
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed

    def waiting(self, mean: float) -> float:
        """Return an exponential waiting time with that mean."""
        return -math.log(1 - self.random()) * mean

    def count(self, mean: float) -> int:
        """Return a whole number whose mean is `mean`, within a quarter of it and at least one off."""
        spread = max(1.0, mean / 4)
        return max(0, int(mean + (2 * self.random() - 1) * spread + self.random()))

    def day(self, first: date, end: date) -> date:
        """Return a day from `first` up to, not including, `end`."""
        return first + timedelta(days=int(self.random() * (end - first).days))

    def moment(self, first: date, end: date, open_hour: int = 8, close_hour: int = 21) -> datetime:
        """Return a moment of such a day, by the minute, between two hours."""
        minutes = int(self.random() * (close_hour - open_hour) * 60)
        return datetime.combine(self.day(first, end), datetime.min.time()) + timedelta(hours=open_hour, minutes=minutes)


def dice_of(seed: int, name: str) -> Dice:
    """Return the dice of one source. Each source has its own: changing one leaves the others as they were."""
    return Dice(f"{seed}:{name}")
