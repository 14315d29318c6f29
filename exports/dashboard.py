"""The dashboard: one HTML file that opens offline and fetches nothing, in Chinese and English.

The figures stand in the page as packed columns (dashboard_data), the charts as specifications (dashboard_charts); the script
templates/dashboard.js looks up what is chosen and has Vega draw it.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import altair
import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from exports import dashboard_charts, dashboard_data, dashboard_words, figures, restatement_figures, words, workbook_cover
from exports.figures import Published

RESTATED_SHOWN = 40  # rows; the workbook has the others
TEMPLATES = Path(__file__).parent / "templates"
# What Vega draws with: the page's colours, so that theme and print change them without another drawing.
CONFIG = {
    "font": 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
    "aria": False,
    "view": {"stroke": None},
    **{mark: {"color": "var(--accent)"} for mark in ("mark", "point", "rule")},
    "legend": {"labelColor": "var(--ink)", "labelFontSize": 12, "symbolStrokeWidth": 3},
    "axis": {
        "labelColor": "var(--muted)", "titleColor": "var(--muted)", "gridColor": "var(--line)", "domainColor": "var(--line)",
        "tickColor": "var(--line)", "labelFontSize": 12, "titleFontWeight": "normal",
    },
}  # fmt: skip


def write(published: Published, path: Path) -> None:
    """Write the dashboard as one self-contained file.

    The Vega libraries are in the page, once; a content security policy forbids the page to fetch anything.

    Args: published: the open version. path: the file to write.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}  # and in their own order
    is_internal = published.audience == "internal"  # numbers before and now are hidden as inside, which is too little for the public
    steps = dashboard_data.carry(published)
    content = _content(published)
    page = environment.get_template("index.html.j2").render(
        publication=published.publication,
        audience=workbook_cover.AUDIENCES[published.audience],
        verdict=figures.quality_verdict(published),
        quality=figures.quality(published),
        restated=restatement_figures.restatements(published, only_this_version=True, totals_only=True) if is_internal else [],
        restated_shown=RESTATED_SHOWN,
        restated_summary=restatement_figures.summary(published) if is_internal else None,
        quality_columns=dashboard_words.QUALITY_COLUMNS,
        definitions=figures.definitions(published),
        words=words,
        texts=dashboard_words.TEXTS,
        content=content,
        figures=dashboard_data.packed(published),
        left_out=steps,
        libraries=_libraries(),
        style=_text("dashboard.css"),
        script=_text("dashboard.js"),
    )
    path.write_text(page, encoding="utf-8")


def _content(published: Published) -> dict[str, Any]:
    """All that the script needs beside the figures: lists, words and charts."""
    lists = dashboard_data.lists(published)
    for day in lists["days"]:
        day["as_of"] = str(day["as_of"])
    return {
        **lists,
        "as_of": str(published.publication["as_of"]),
        # A report on one period opens with it.
        "period": {"type": published.period.period_type, "start": str(published.period.start)} if published.period else None,
        "flow": dashboard_data.FUNDING_FLOW,
        "specifications": dashboard_charts.specifications(),
        "config": CONFIG,
        "words": {
            "texts": dashboard_words.TEXTS,
            "members": dashboard_words.MEMBERS,
            "families": words.FAMILIES,
            "statuses": words.STATUSES,
            "notes": words.STATUS_NOTES,
            "units": words.UNITS,
            "periodTypes": words.PERIOD_TYPES,
            "noValue": words.NO_VALUE,
        },
    }


@functools.cache
def _text(name: str) -> str:
    """A file of the folder of templates that goes into the page as it is."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


@functools.cache
def _libraries() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, in the version that Altair writes for; packed like the figures."""
    version = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    return dashboard_data.compressed([vl_convert.javascript_bundle(vl_version=version)])
