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
    # Points, for a bar on a logarithmic scale has no beginning.
    base = altair.Chart(found, title=f"From raw files to KPIs, W({result['scale']:g})").encode(
        x=altair.X("CPU seconds", scale=altair.Scale(type="log")), y=altair.Y("way", sort="x", title=None)
    )  # fmt: skip
    told = base.mark_text(align="left", dx=8).encode(text=altair.Text("CPU seconds", format=",.0f"))
    _save(base.mark_circle(size=80) + told, path)


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


def _save(chart: altair.Chart | altair.LayerChart, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Browsers have other fonts than the one that the texts were measured with.
    chart.properties(width=480, height=220, padding=30).save(str(path))
