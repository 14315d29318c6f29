"""小区台账: the register of places, each row with the days that it holds for, and the register of boundary changes."""

from __future__ import annotations

from pathlib import Path

from samples import geography
from samples.dice import Dice
from samples.files import write_csv
from samples.spelling import spelled
from samples.world import World

LEVELS = {"district": "区", "town": "镇街", "community": "社区", "estate": "小区", "building": "楼栋", "grid": "网格", "facility": "设施"}


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Write the register of the places that are in the world already; it holds no dirt and draws nothing."""
    names = {place.code: place.name for place in world.places}
    rows = []
    for entry in geography.register(world.size.communities):
        place = entry.place
        has_division_code = place.level in ("district", "town", "community")
        rows.append({
            "级别": LEVELS[place.level], "名称": place.name, "上级": names.get(place.parent, ""), "上级编号": place.parent or "",
            "区划代码": place.code if has_division_code else "", "编号": "" if has_division_code else place.code,
            "类型": entry.type, "英文名": entry.name_en, "起始日期": spelled(place.valid_from) if place.valid_from else "",
            "终止日期": spelled(place.valid_to) if place.valid_to else "",
        })  # fmt: skip
    write_csv(folder / "小区台账_2026-09.csv", rows)
