"""The plots of the benchmark, as SVG."""

from __future__ import annotations

from pathlib import Path

import altair
import pandas


def ways(result: dict, path: Path) -> None:
    """Draw the CPU seconds of each way, on a logarithmic scale. Args: result: of `bench.whole`. path: of the plot."""
    found = pandas.DataFrame([
        {"way": way, "CPU seconds": sum(took["cpu_seconds"] for stage, took in stages.items() if stage != "export")}
        for way, stages in result["ways"].items()
    ])  # fmt: skip
    chart = altair.Chart(found, title=f"From raw files to KPIs, W({result['scale']:g})").mark_bar().encode(
        x=altair.X("CPU seconds", scale=altair.Scale(type="log")), y=altair.Y("way", sort="x", title=None)
    )  # fmt: skip
    _save(chart, path)


def curve(results: list[dict], path: Path) -> None:
    """Draw CPU seconds over s, both logarithmic. Args: results: of `bench.curve`, by scale. path: of the plot."""
    found = pandas.DataFrame([
        {"s": result["scale"], "way": way, "CPU seconds": took["cpu_seconds"]}
        for result in results
        for way, took in result["ways"].items()
    ])  # fmt: skip
    chart = altair.Chart(found, title="CPU seconds by size of the workload").mark_line(point=True).encode(
        x=altair.X("s", scale=altair.Scale(type="log")), y=altair.Y("CPU seconds", scale=altair.Scale(type="log")),
        color=altair.Color("way", title=None),
    )  # fmt: skip
    _save(chart, path)


def _save(chart: altair.Chart, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.properties(width=480, height=220).save(str(path))
