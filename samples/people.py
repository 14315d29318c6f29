"""The residents of the invented district: numbers of a platform, no names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from samples.atlas import Atlas
from samples.dice import Dice
from samples.world import World

RESIDENTS_OF_AN_ESTATE = 60
BANDS = [((2009, 2016), 0.12), ((1982, 2006), 0.36), ((1967, 1980), 0.22), ((1938, 1964), 0.30)]  # years of birth, share


@dataclass(frozen=True)
class Person:
    """Somebody whom the platforms know by number. birth_year None: not given."""

    number: str
    household: str
    birth_year: int | None
    estate: str


class People:
    """The same residents for every source: they belong to estates, whatever community the estate is in."""

    def __init__(self, world: World) -> None:
        self.atlas = Atlas(world.places)
        estates = list(dict.fromkeys(place.code for place in world.places if place.level == "estate"))
        self._of_estate = {code: self._residents(code, number) for number, code in enumerate(estates)}

    @staticmethod
    def _residents(estate: str, number: int) -> list[Person]:
        dice = Dice(f"people:{number}")
        people = []
        for resident in range(RESIDENTS_OF_AN_ESTATE):
            first, last = dice.weighted(BANDS)
            born = None if dice.chance(0.04) else dice.between(first, last)
            people.append(Person(f"U{number * 1000 + resident:07d}", f"H{number * 1000 + resident // 3:07d}", born, estate))
        return people

    def of(self, place: str, day: date) -> list[Person]:
        """Return the residents of an estate, a community, a town or the district on a day."""
        if place in self._of_estate:
            return self._of_estate[place]
        found: list[Person] = []
        for level in ("estate", "community", "town"):
            for below in self.atlas.below(place, day, level):
                found += self.of(below.code, day)
        return found

    def some(self, dice: Dice, place: str, day: date, number: int) -> list[Person]:
        """Return that many different residents; those early in the list come more often than the others."""
        residents = self.of(place, day)
        found: dict[str, Person] = {}
        for _ in range(number * 4):
            if len(found) == min(number, len(residents)):
                break
            person = residents[int(len(residents) * dice.random() ** 1.6)]
            found[person.number] = person
        return list(found.values())


def age_band(age: int | None) -> str | None:
    """Return the band of an age in years."""
    if age is None:
        return None
    return "0-17" if age < 18 else "18-44" if age < 45 else "45-59" if age < 60 else "60+"
