"""区划调整台账: which place went over to which one, and when; a merge and a split have a row for each part."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from samples.atlas import Atlas
from samples.dice import Dice
from samples.files import write_csv
from samples.spelling import spelled
from samples.world import World

TYPES = {"merge": "合并", "split": "拆分", "transfer": "移交", "rename": "更名"}


def tell(world: World, dice: Dice, folder: Path) -> None:
    """Write the boundary changes that are in the world already; it holds no dirt and draws nothing."""
    atlas = Atlas(world.places)
    rows = [
        {
            "变更编号": change.change_id, "原代码": change.old,
            "原名称": atlas.at(change.old, change.effective_date - timedelta(days=1)).name, "新名称": atlas.at(change.new, change.effective_date).name, "新代码": change.new, "类型": TYPES[change.change_type],
            "生效日期": spelled(change.effective_date), "文号": f"青民发〔{change.effective_date.year}〕{change.change_id[-1]}号",
        }
        for change in world.place_changes
    ]  # fmt: skip
    write_csv(folder / "区划调整台账_2026-09.csv", rows)
