"""The charts of the dashboard as Vega-Lite specifications without data: the page puts the rows in and chooses the colours."""

from __future__ import annotations

import functools
import json
from typing import Any

import altair

from exports.words import LANGUAGES

DATA = altair.NamedData("rows")
# What the rows of a chart have: numbers for the axes, texts for labels and tooltips.
TOOLTIP = {
    "label": ("", ""),
    "series": ("系列", "Series"),
    "shown": ("数值", "Value"),
    "interval": ("95% 区间", "95% interval"),
    "n": ("样本 n", "n"),
    "status": ("状态", "Status"),
    "as_of": ("截至", "As of"),
}
# Colours come from the page, so that theme and print change them without another drawing.
SERIES = altair.Scale(range=[f"var(--series-{number})" for number in range(1, 9)])
DASHES = altair.Scale(range=[[1, 0], [6, 4], [2, 3], [8, 3, 2, 3]])
PADDING = {"left": 5, "top": 8, "bottom": 5, "right": 26}  # right: for the last label of the axis
# A share is drawn on the whole scale, so that small differences look small; one that passes 100 % on its own scale.
AXES = {"share": ("~%", altair.Scale(domain=[0, 1])), "percent": ("~%", altair.Scale(zero=True, nice=True)),
        "number": (",~r", altair.Scale(zero=True, nice=True))}  # fmt: skip


@functools.cache
def specifications() -> dict[str, dict[str, Any]]:
    """Language → name of a chart → its specification; the data are to be put in as the data set `rows`."""
    return {language: _specifications(position) for position, language in enumerate(LANGUAGES)}


def _specifications(language: int) -> dict[str, Any]:
    charts: dict[str, Any] = {}
    for name, (form, scale) in AXES.items():
        axis = altair.Axis(title=None, format=form, tickCount=5)
        charts[f"line-{name}"] = _line(language, axis, scale)
        charts[f"bar-{name}"] = _bars(language, axis, scale)
        charts[f"ranking-{name}"] = _ranking(language, axis, scale)
    charts["survival"] = _survival(language)
    charts["flow"] = _flow(language)
    return {name: _plain(chart) for name, chart in charts.items()}


def _tooltip(language: int, *names: str) -> list[altair.Tooltip]:
    return [altair.Tooltip(f"{name}:N", title=TOOLTIP[name][language] or " ") for name in names]


def _period() -> altair.X:
    return altair.X("label:N", sort=None, axis=altair.Axis(title=None, labelOverlap="greedy", labelAngle=0, grid=False))


def _hollow() -> Any:
    """Figures of an incomplete period or a small sample are hollow."""
    return altair.condition("datum.faint", altair.value("var(--card)"), altair.value("var(--accent)"))


def _missing(chart: altair.Chart, tooltip: list[altair.Tooltip], **position: Any) -> altair.Chart:
    """A cross where there is no number: its tooltip says why."""
    return (
        chart.transform_filter("!isValid(datum.value)")
        .mark_point(shape="cross", angle=45, size=60, color="var(--muted)", filled=True)
        .encode(tooltip=tooltip, **position)
    )


def _line(language: int, axis: altair.Axis, scale: altair.Scale) -> altair.LayerChart:
    """A line with its interval as a band; where a number is missing the line is broken."""
    chart = altair.Chart(DATA)
    tooltip = _tooltip(language, "label", "shown", "interval", "n", "status", "as_of")
    x, y = _period(), altair.Y("value:Q", scale=scale, axis=axis)
    band = chart.mark_area(opacity=0.22, invalid="break-paths-filter-domains").encode(
        x=x, y=altair.Y("lower:Q", scale=scale, axis=axis), y2="upper:Q"
    )
    line = chart.mark_line(strokeWidth=2, invalid="break-paths-filter-domains").encode(x=x, y=y)
    dots = chart.mark_point(filled=True, size=46, strokeWidth=1.5, stroke="var(--accent)").encode(
        x=x, y=y, fill=_hollow(), tooltip=tooltip
    )
    missing = _missing(chart, tooltip, x=x, y=altair.value(214))
    return (band + line + dots + missing).properties(height=220)


def _bars(language: int, axis: altair.Axis, scale: altair.Scale) -> altair.LayerChart:
    """Bars for counts and sums."""
    chart = altair.Chart(DATA)
    tooltip = _tooltip(language, "label", "shown", "n", "status", "as_of")
    x = _period()
    bars = chart.mark_bar(stroke="var(--accent)", strokeWidth=1).encode(
        x=x, y=altair.Y("value:Q", scale=scale, axis=axis), fill=_hollow(), tooltip=tooltip
    )
    return (bars + _missing(chart, tooltip, x=x, y=altair.value(214))).properties(height=220)


def _ranking(language: int, axis: altair.Axis, scale: altair.Scale) -> altair.LayerChart:
    """A dot and its interval per place or question, in the order of the rows; the number beside it."""
    chart = altair.Chart(DATA)
    tooltip = _tooltip(language, "label", "shown", "interval", "n", "status", "as_of")
    y = altair.Y("label:N", sort=None, axis=altair.Axis(title=None, labelLimit=220, grid=False, ticks=False, labelPadding=8))
    x = altair.X("value:Q", scale=scale, axis=axis)
    rule = chart.mark_rule(strokeWidth=4, opacity=0.4).encode(
        y=y, x=altair.X("lower:Q", scale=scale, axis=axis), x2="upper:Q", tooltip=tooltip
    )
    dot = chart.mark_point(filled=True, size=90, strokeWidth=2, stroke="var(--accent)").encode(
        y=y, x=x, fill=_hollow(), tooltip=tooltip
    )
    number = chart.mark_text(align="right", dx=78, color="var(--ink)", fontSize=12).encode(
        y=y, x=altair.value("width"), text="shown:N", tooltip=tooltip
    )
    return (rule + dot + number).properties(height={"step": 26}, padding={**PADDING, "right": 8})


def _survival(language: int) -> altair.LayerChart:
    """How many cases are still open after so many days: steps with their interval, one line per place."""
    chart = altair.Chart(DATA)
    title = ("受理后天数", "days since opened")[language]
    x = altair.X("days:Q", axis=altair.Axis(title=title, tickMinStep=1, grid=False), scale=altair.Scale(nice=False))
    legend = altair.Legend(title=None, orient="top", labelLimit=240, symbolType="square", symbolOpacity=1)
    color = altair.Color("series:N", sort=None, scale=SERIES, legend=legend)
    scale, axis = AXES["share"][1], altair.Axis(title=None, format="~%", tickCount=5)
    band = chart.mark_area(opacity=0.18, interpolate="step-after").encode(
        x=x, y=altair.Y("lower:Q", scale=scale, axis=axis), y2="upper:Q", color=color
    )
    line = chart.mark_line(strokeWidth=2, interpolate="step-after").encode(
        x=x, y=altair.Y("value:Q", scale=scale, axis=axis), color=color,
        strokeDash=altair.StrokeDash("series:N", sort=None, scale=DASHES, legend=None),
    )  # fmt: skip
    hover = chart.mark_point(size=80, opacity=0).encode(
        x=x, y=altair.Y("value:Q", scale=scale, axis=axis), tooltip=_tooltip(language, "label", "series", "shown", "interval", "n", "as_of")
    )
    return (band + line + hover).properties(height=240)


def _flow(language: int) -> altair.Chart:
    """The stages of the money as bars, divided by where it came from."""
    return (
        altair.Chart(DATA)
        .mark_bar(stroke="var(--card)", strokeWidth=1)
        .encode(
            y=altair.Y("label:N", sort=None, axis=altair.Axis(title=None, labelLimit=220, ticks=False, labelPadding=8)),
            x=altair.X("value:Q", stack="zero", axis=altair.Axis(title=None, format=",~r", tickCount=5)),
            order="position:Q",
            color=altair.Color(
                "series:N", sort=None, legend=altair.Legend(title=None, orient="top", columns=4, labelLimit=160)
            ),
            tooltip=_tooltip(language, "label", "series", "shown", "n", "status", "as_of"),
        )
        .properties(height={"step": 40})
    )


def _plain(chart: Any) -> dict[str, Any]:
    """The chart as plain data: as wide as its box, without colours of its own and without addresses."""
    padding = PADDING if chart.padding is altair.Undefined else chart.padding
    spec = json.loads(chart.properties(width="container", background="transparent", padding=padding).to_json())
    spec.pop("$schema")
    spec.pop("config", None)
    return spec
