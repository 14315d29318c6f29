"""The dashboard: one HTML file that opens offline and fetches nothing. Chinese with English beside it."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import altair
import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from exports import figures, restatement_figures, words
from exports.figures import Published, Row

RESTATED_SHOWN = 40  # rows; the workbook has the others
TEMPLATES = Path(__file__).parent / "templates"


def write(published: Published, path: Path) -> None:
    """Write the dashboard as one self-contained file.

    The Vega libraries are in the page, once; a content security policy forbids the page to fetch anything.

    Args: published: the open version. path: the file to write.
    """
    trees = _trees(published)
    charts = {chart["id"]: chart["spec"] for tree in trees for chart in tree["charts"]}
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["shown"] = words.value
    page = environment.get_template("index.html.j2").render(
        publication=published.publication,
        verdict=figures.quality_verdict(published),
        quality=figures.quality(published),
        restated=restatement_figures.restatements(published, only_this_version=True, totals_only=True),
        restated_shown=RESTATED_SHOWN,
        restated_summary=restatement_figures.summary(published),
        trees=trees,
        charts=charts,
        definitions=figures.definitions(published),
        words=words,
        libraries=_libraries() if charts else "",
    )
    path.write_text(page, encoding="utf-8")


@functools.cache
def _libraries() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, in the version that Altair writes for."""
    version = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    script = vl_convert.javascript_bundle(vl_version=version)
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError(
            "The script of the Vega libraries: expected text that can stand in an HTML script element, found one that "
            "ends or comments it out. Look at vl_convert.javascript_bundle of the installed version and pin the one before."
        )
    return script


def _trees(published: Published) -> list[dict[str, Any]]:
    """Everything the page shows, tree of places by tree of places."""
    trees: dict[str, dict[str, Any]] = {}
    for row in figures.headlines(published):
        tree = trees.setdefault(row["place_key"], {"id": f"tree{len(trees)}", "place": words.place(row), "cards": []})
        tree["cards"].append(row)
    for key, tree in trees.items():
        tree["as_of"] = max(row["as_of"] for row in tree["cards"])
        tree["charts"] = _charts(published, tree["id"], key)
        tree["tables"] = {family: _table(published, key, family) for family in words.FAMILIES}
    return list(trees.values())


def _table(published: Published, root_key: str, family: str) -> dict[str, Any]:
    """A family's figures at the top place (all time and the latest complete periods), and by place below it."""
    return {
        "metrics": _metrics(published, root_key, family),
        "places": _places(published, root_key, family),
    }


def _metrics(published: Published, root_key: str, family: str) -> list[dict[str, Any]]:
    """One entry per metric, breakdown and currency of a top place: its all-time figure (or latest wave) and the
    latest complete year, quarter and month: the same for all of the family, so that a column is of one period."""
    rows = published.rows(
        f"""
        with complete as (
            from figure where place_key = $root_key and family = $family
                and (period_type in ('all', 'wave') or (status <> 'partial' and period_end <= as_of + 1))
            qualify period_type in ('all', 'wave') or period_start = max(period_start) over (partition by period_type)
        )
        from complete
        qualify row_number() over (
            partition by metric_code, breakdown_type, breakdown_value, currency, period_type
            order by period_start desc nulls last) = 1
        order by {figures.ORDER}
        """,
        {"root_key": root_key, "family": family},
    )
    entries: dict[tuple, dict[str, Any]] = {}
    for row in rows:
        key = tuple(row[name] for name in ("metric_code", "breakdown_type", "breakdown_value", "currency"))
        entries.setdefault(key, dict.fromkeys(words.PERIOD_TYPES))[row["period_type"]] = row
    for entry in entries.values():
        entry["first"] = entry["all"] or entry["wave"] or next(row for row in entry.values() if row)
    return list(entries.values())


def _places(published: Published, root_key: str, family: str) -> dict[str, Any]:
    """The places below a top place × the metrics of a family, all time: totals, and overall questions of surveys."""
    rows = published.rows(
        f"""
        from figure where root_key = $root_key and family = $family and depth in (1, 2) and period_type = 'all'
            and (breakdown_type = 'none' or is_headline_question)
        order by {figures.ORDER}
        """,
        {"root_key": root_key, "family": family},
    )
    columns: dict[tuple, Row] = {}
    places: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row["metric_rank"], row["breakdown_value"], row["currency"] or "")):
        columns.setdefault(_column(row), row)
    for row in rows:
        place = places.setdefault(row["place_key"], {"name": words.place(row), "figures": {}})
        place["figures"][_column(row)] = row
    return {"columns": columns, "rows": list(places.values())}


def _column(row: Row) -> tuple:
    return row["metric_code"], row["breakdown_value"], row["currency"]


def _charts(published: Published, tree: str, root_key: str) -> list[dict[str, Any]]:
    """The charts of one tree: a trend per family, satisfaction by question."""
    charts = []
    for family, pair in words.FAMILIES.items():
        rows = figures.trend(published, family, root_key)
        if rows:
            title = f"{words.metric(rows[0])}{' · ' + rows[0]['currency'] if rows[0]['currency'] else ''}"
            charts.append({"id": f"{tree}-{family}", "family": words.both(pair), "title": title, "spec": _trend(rows)})
    rows = figures.by_question(published, root_key)
    if rows:
        title = f"{words.both((rows[0]['name_zh'], rows[0]['name_en']))} · {words.recent(rows[0])}"
        charts.append(
            {"id": f"{tree}-questions", "family": "按问题 By question", "title": title, "spec": _questions(rows)}
        )
    return charts


def _values(rows: list[Row], label: str) -> list[dict[str, Any]]:
    """The data of a chart: numbers for the axes, texts for the tooltips."""
    return [
        {
            label: row["breakdown_label"] if label == "question" else words.period(row),
            "value": row["value"],
            "lower": row["lower"],
            "upper": row["upper"],
            "shown": words.value(row),
            "interval": words.interval(row),
            "n": words.plain(row["n"]),
            "status": words.status(row["status"]),
            "faint": row["status"] in ("partial", "low_n"),
        }
        for row in rows
    ]


def _scale(rows: list[Row]) -> altair.Scale:
    highest = max((row["upper"] or row["value"] or 0) for row in rows)
    if rows[0]["unit"] == "share" and highest <= 1:
        return altair.Scale(domain=[0, 1])
    return altair.Scale(zero=True, nice=True)


def _axis(rows: list[Row]) -> altair.Axis:
    return altair.Axis(title=None, format="~%" if rows[0]["unit"] == "share" else ",~r", tickCount=5)


def _tooltip(label: str) -> list[altair.Tooltip]:
    return [
        altair.Tooltip(f"{label}:N", title="问题 Question" if label == "question" else "期间 Period"),
        altair.Tooltip("shown:N", title="数值 Value"),
        altair.Tooltip("interval:N", title="95% 区间 Interval"),
        altair.Tooltip("n:N", title="样本 n"),
        altair.Tooltip("status:N", title="状态 Status"),
    ]


def _trend(rows: list[Row]) -> dict[str, Any]:
    """A line with its interval as a band for ratios, bars for counts and sums."""
    data = altair.Data(values=_values(rows, "period"))
    x = altair.X("period:O", sort=None, axis=altair.Axis(title=None, labelOverlap="greedy", labelAngle=0))
    y = altair.Y("value:Q", scale=_scale(rows), axis=_axis(rows))
    chart = altair.Chart(data)
    if all(row["lower"] is None and row["upper"] is None for row in rows):
        return _spec(chart.mark_bar().encode(x=x, y=y, opacity=_faint(), tooltip=_tooltip("period")), height=220)
    lower = altair.Y("lower:Q", scale=_scale(rows), axis=_axis(rows))
    band = chart.mark_area(opacity=0.22).encode(x=x, y=lower, y2="upper:Q")
    line = chart.mark_line(strokeWidth=2).encode(x=x, y=y)
    dots = chart.mark_point(filled=True, size=42).encode(x=x, y=y, opacity=_faint(), tooltip=_tooltip("period"))
    return _spec(band + line + dots, height=220)


def _faint() -> Any:
    """Figures of an incomplete period or a small sample are drawn faintly."""
    return altair.condition("datum.faint", altair.value(0.4), altair.value(1))


def _questions(rows: list[Row]) -> dict[str, Any]:
    """A dot and its interval per question, best first."""
    data = altair.Data(values=_values(rows, "question"))
    y = altair.Y("question:N", sort=None, axis=altair.Axis(title=None, labelLimit=260, grid=False))
    chart = altair.Chart(data)
    rule = chart.mark_rule(strokeWidth=3, opacity=0.4).encode(
        y=y, x=altair.X("lower:Q", scale=_scale(rows), axis=_axis(rows)), x2="upper:Q", tooltip=_tooltip("question")
    )
    dot = chart.mark_point(filled=True, size=80).encode(
        opacity=_faint(), y=y, x=altair.X("value:Q", scale=_scale(rows), axis=_axis(rows)), tooltip=_tooltip("question")
    )
    return _spec(rule + dot, height=max(120, 30 * len(rows)))


def _spec(chart: Any, height: int) -> dict[str, Any]:
    """The chart as plain data: as wide as its box, without colours (the page sets them) and without addresses."""
    padding = {"left": 5, "top": 5, "bottom": 5, "right": 26}  # right: for the last label of the axis
    sized = chart.properties(width="container", height=height, background="transparent", padding=padding)
    spec = json.loads(sized.to_json())
    spec.pop("$schema")
    spec.pop("config", None)
    return spec
