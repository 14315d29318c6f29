"""人口台账: half-yearly counts of every community and some estates, and one of each community on the day it came into being."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from samples import geography
from samples.atlas import Atlas
from samples.dice import Dice
from samples.files import write_csv
from samples.geography import HOMES, SINCE
from samples.spelling import spelled
from samples.world import Place, Population, World

COUNTED = [date(2024, 6, 30), date(2024, 12, 31), date(2025, 6, 30), date(2025, 12, 31), date(2026, 6, 30)]
MEASURES = {
    "permanent": "常住人口", "registered": "户籍人口", "households": "户数", "permanent_male": "常住男性",
    "permanent_female": "常住女性", "permanent_age_0_17": "0-17岁", "permanent_age_18_44": "18-44岁",
    "permanent_age_45_59": "45-59岁", "permanent_age_60_plus": "60岁及以上",
}  # fmt: skip
GROWTH = 1.006  # in half a year
EVERY_NTH_ESTATE = 2


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Count what stands in each community: a merged one has the people of both, the parts of a split one share its people."""
    atlas = Atlas(world.places)
    homes = [place.code for place in atlas.on("community", date.min) if place.code not in (geography.LIUAN,)]
    homes += [home for home in HOMES if home not in homes]
    people = {home: _people(dice, dice.between(4200, 12800)) for home in homes}
    estates = [place.code for place in atlas.on("estate", date.min)][::EVERY_NTH_ESTATE]
    people |= {estate: _people(dice, dice.between(1400, 4100)) for estate in estates}
    born = sorted({place.valid_from for place in world.places if place.level == "community" and place.valid_from})
    for day in sorted({*COUNTED, *born}):
        rows = [
            _row(world, atlas, place, day, _counted(people, place, day))
            for place in [*atlas.on("community", day), *atlas.on("estate", day)]
            if (place.level == "community" or place.code in people) and (day in COUNTED or _is_new(atlas, place, day))
        ]
        if rows:
            if day == date(2025, 12, 31):
                rows[0]["常住人口"] = f"{rows[0]['常住人口']:,}"
                rows[3]["户籍人口"] = f"{rows[3]['户籍人口']:,}"
            write_csv(folder / f"人口台账_{day:%Y-%m}.csv", rows)


def _people(dice: Dice, permanent: int) -> dict[str, int]:
    """The people of a place in the middle of 2024."""
    male = round(permanent * (0.47 + 0.04 * dice.random()))
    young, middle, older = (round(permanent * (share + 0.04 * dice.random())) for share in (0.13, 0.40, 0.20))
    counts = (permanent, round(permanent * (0.5 + 0.3 * dice.random())), round(permanent / (2.6 + 0.5 * dice.random())), male,
              permanent - male, young, middle, older, permanent - young - middle - older)  # fmt: skip
    return dict(zip(MEASURES, counts, strict=True))


def _counted(people: dict[str, dict[str, int]], place: Place, day: date) -> dict[str, int]:
    """What is counted at a place on a day."""
    if place.level == "estate":
        parts: Iterable[str] = [place.code]
    else:
        parts = [home for home in people if _stands_in(home, day) == place.code]
    halves = sum(counted <= day for counted in COUNTED) - 1
    grown = [{measure: round(value * GROWTH**halves) for measure, value in people[part].items()} for part in parts]
    total = {measure: sum(part[measure] for part in grown) for measure in MEASURES}
    total["permanent"] = total["permanent_male"] + total["permanent_female"]
    total["permanent_age_60_plus"] = total["permanent"] - sum(
        total[f"permanent_age_{band}"] for band in ("0_17", "18_44", "45_59")
    )
    return total


def _stands_in(home: str, day: date) -> str:
    for parent, first, end in SINCE.get(home, [(home, None, None)]):
        if (first is None or first <= day) and (end is None or day < end):
            return parent
    raise LookupError(f"expected a community for {home} on {day}, found none")


def _is_new(atlas: Atlas, place: Place, day: date) -> bool:
    """Whether the place came into being on this day under a code of its own."""
    return place.level == "community" and place.valid_from == day and not atlas.existed_before(place.code, day)


def _row(world: World, atlas: Atlas, place: Place, day: date, counts: dict[str, int]) -> dict:
    world.populations += [Population(place.code, day, measure, value) for measure, value in counts.items()]
    community = place if place.level == "community" else atlas.parent(place, day)
    row = {"统计日期": spelled(day), "镇街": atlas.parent(community, day).name, "社区": community.name,
           "小区": place.name if place.level == "estate" else ""}  # fmt: skip
    return row | {MEASURES[measure]: value for measure, value in counts.items()}
