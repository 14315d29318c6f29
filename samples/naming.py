"""How ledgers of offices name a place: by town, community and estate, as they were called on the day."""

from __future__ import annotations

from datetime import date

from samples.atlas import Atlas

TOWN, COMMUNITY, ESTATE = "镇街", "社区", "小区"


def named(atlas: Atlas, code: str, day: date) -> dict[str, str]:
    """Return the cells 镇街, 社区 and 小区 of a place on a day; the district stands in 镇街."""
    cells = {TOWN: "", COMMUNITY: "", ESTATE: ""}
    place = atlas.at(code, day)
    if place.level == "estate":
        cells[ESTATE], place = place.name, atlas.parent(place, day)
    if place.level == "community":
        cells[COMMUNITY], place = place.name, atlas.parent(place, day)
    return cells | {TOWN: place.name}
