"""Make the raw files of the demonstration district 青禾区 (Qinghe District).

Everything is invented: places, people, phone numbers, companies, amounts. The files look as they would arrive from community
offices and platforms over two years, with a little dirt spread thinly (`README.md`). Each module of `samples/sources` tells one
source: it draws what is true, keeps that in a `World` and writes it down. The same seed gives the same bytes on every Python.

    python -m samples.make_samples FOLDER [--seed N] [--communities N] [--factor X]
"""

from __future__ import annotations

import argparse
import importlib
import shutil
from pathlib import Path

from samples import geography
from samples.dice import dice_of
from samples.sources import IN_ORDER
from samples.truth import write_truth
from samples.world import Size, World

SEED = 20260101
PUBLISHED = Path(__file__).parent / "published_figures"


def make_world(folder: Path, seed: int = SEED, size: Size = Size()) -> World:
    """Draw everything that is true and write the raw files that tell it.

    Args: folder: gets one folder of raw files per source. seed: the same seed gives the same bytes. size: how much there is.
    Returns: the World that the files tell. Raises: ValueError when the size has too few or too many communities.
    """
    world = World(size=size, places=[entry.place for entry in geography.register(size.communities)],
                  place_changes=list(geography.CHANGES))  # fmt: skip
    for source in IN_ORDER:
        importlib.import_module(f"samples.sources.{source}").tell(world, dice_of(seed, source), folder / source)
    return world


def write_all(folder: Path, seed: int = SEED, size: Size = Size()) -> World:
    """Write `folder/raw/<source>/…`, what `make_world` writes and the published figures of other places, which are not invented; and
    `folder/truth/kpi_truth.csv`, the true KPI values.

    Args: folder: its folder `raw` is replaced. seed, size: as for `make_world`. Returns: the World.
    """
    shutil.rmtree(folder / "raw", ignore_errors=True)
    world = make_world(folder / "raw", seed, size)
    shutil.copytree(PUBLISHED, folder / "raw" / PUBLISHED.name)
    write_truth(world, folder / "truth" / "kpi_truth.csv")
    return world


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the raw files of the demonstration district.")
    parser.add_argument("folder", type=Path, help="gets raw/<source>/…, anew")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--communities", type=int, default=Size.communities, help="at the beginning, 9 or more")
    parser.add_argument("--factor", type=float, default=Size.factor, help="multiplies how much happens in a community")
    given = parser.parse_args()
    write_all(given.folder, given.seed, Size(given.communities, given.factor))
    paths = [path for path in (given.folder / "raw").rglob("*") if path.is_file()]
    print(f"{len(paths)} files, {sum(path.stat().st_size for path in paths):,} bytes in {given.folder}")


if __name__ == "__main__":
    main()
