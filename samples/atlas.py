"""Finds the places of the district as they were on a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from functools import cache

from samples.world import Place


def is_valid(place: Place, day: date) -> bool:
    """Whether this version of the place holds on the day."""
    return (place.valid_from is None or place.valid_from <= day) and (place.valid_to is None or day < place.valid_to)


class Atlas:
    """The places in all their versions, by code, by level and by parent."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._versions: dict[str, list[Place]] = defaultdict(list)
        self._level: dict[str, list[Place]] = defaultdict(list)
        self._children: dict[str | None, list[Place]] = defaultdict(list)
        for place in places:
            self._versions[place.code].append(place)
            self._level[place.level].append(place)
            self._children[place.parent].append(place)
        self.on = cache(self._on)
        self.below = cache(self._below)

    def at(self, code: str, day: date) -> Place:
        """Return the version of a place on a day. Raises LookupError when the place does not exist then."""
        for place in self._versions.get(code, ()):
            if is_valid(place, day):
                return place
        raise LookupError(f"expected a place that exists on {day}, found {code!r}: {self._versions.get(code)}")

    def _on(self, level: str, day: date) -> list[Place]:
        """Return all places of a level on a day."""
        return [place for place in self._level[level] if is_valid(place, day)]

    def _below(self, code: str, day: date, level: str = "estate") -> list[Place]:
        """Return the places of a level that hang directly below a place on a day."""
        return [place for place in self._children[code] if place.level == level and is_valid(place, day)]

    def exists(self, code: str, day: date) -> bool:
        """Whether the place exists on a day."""
        return any(is_valid(place, day) for place in self._versions[code])

    def existed_before(self, code: str, day: date) -> bool:
        """Whether the place existed on some day before."""
        return any(place.valid_from is None or place.valid_from < day for place in self._versions[code])

    def parent(self, place: Place, day: date) -> Place:
        """Return the place above, on a day."""
        return self.at(place.parent, day)
