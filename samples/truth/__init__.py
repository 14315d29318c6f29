"""The true KPI values of the demonstration district, computed from the World that its files tell, without the warehouse."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from samples.truth.common import Figures, Frame, Key
from samples.truth.figures import figures
from samples.truth.funding import funding
from samples.truth.participation import participation
from samples.truth.resolution import resolution
from samples.truth.satisfaction import satisfaction
from samples.world import World

COLUMNS = ("metric_code", "place_code", "period_type", "period_start", "breakdown_type", "breakdown_value", "currency")
FIGURES = ("value", "numerator", "denominator", "n")


def true_kpis(world: World) -> Iterator[tuple[Key, Figures]]:
    """Every true KPI: its key and its figures. A figure that is missing is not claimed; value None: there is no base."""
    frame = Frame(world)
    yield from participation(frame)
    yield from resolution(frame)
    yield from satisfaction(frame)
    yield from funding(frame)
    yield from figures(frame)


def write_truth(world: World, path: Path) -> int:
    """Write the true KPI values as CSV and return how many there are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, *FIGURES])
        for key, figures in true_kpis(world):
            writer.writerow([*key, *(spelled(figures[name]) if name in figures else "" for name in FIGURES)])
            rows += 1
    return rows


def spelled(number: object) -> str:
    """A number as text that leads back to the same double."""
    return "none" if number is None else str(number) if isinstance(number, int) else repr(float(number))
