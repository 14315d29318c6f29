"""Headlines on the terminal: what a manager asks first, in 100 columns."""

from __future__ import annotations

import sys
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from exports import figures, version_folder, words
from exports.figures import Row
from ingest.settings import settings

WIDTH = 100


def print_headline() -> None:
    """Print the headline KPIs of the current publication: per top place, value with 95 % interval, n, status, as-of
    and the latest complete year and quarter; then where the exports are.

    Raises: publication.NothingPublished when there is no current version.
    """
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    with figures.current() as published:
        publication = published.publication
        rows = figures.headlines(published)
        covered = coverage(published)
    for _, of_place in groupby(rows, key=lambda row: row["place_key"]):
        console.print(_table(list(of_place)))
    console.print(covered)
    console.print(f"版本 version {publication['version']} · 截至 as of {publication['as_of']}\n运行 run {publication['run_id']}")
    exported = settings().exports / version_folder.CURRENT
    if version_folder.current_name(settings().exports) != publication["version"]:
        console.print("这个版本尚未导出 This version is not exported yet: gmw export")
        return
    for file in sorted(exported.iterdir()):
        console.print(str(file), soft_wrap=True)


def coverage(published: figures.Published) -> str:
    """How many processes of the catalogue have all the records that they leave and all the metrics that they owe, and how
    many metrics of the catalogue have a value."""
    processes = published.rows(
        """
        select count(*) as listed, count(*) filter (missing_records is null and metric_count = metrics_owed) as covered
        from process_coverage
        """
    )[0]
    metrics = published.rows(
        """
        select count(*) as listed, count(*) filter (metric_code in (select metric_code from kpi_value)) as present
        from kpi_catalogue
        """
    )[0]
    return (
        f"流程覆盖 process coverage {processes['covered']}/{processes['listed']} · "
        f"指标 metrics with figures {metrics['present']}/{metrics['listed']}"
    )


def _table(rows: list[Row]) -> Table:
    table = Table(
        title=words.place(rows[0]), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False,
        padding=(0, 1, 0, 0), expand=True,
    )  # fmt: skip
    table.add_column("指标\nMetric", ratio=1, overflow="fold")
    table.add_column("期间\nPeriod", min_width=8)
    table.add_column("数值\nValue", justify="right", no_wrap=True)
    table.add_column("95% 区间\nInterval", justify="right", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("状态\nStatus", max_width=12)
    table.add_column("截至\nAs of", no_wrap=True)
    for row in rows:
        split = "" if row["breakdown_type"] == "none" else f" · {row['breakdown_label']}"
        # The English name takes the line of the next period, where there is one.
        name, english = f"{row['metric_code']} {row['name_zh']}{split}", row["name_en"]
        _line(table, row, name if row["recent"] else f"{name}\n{english}")
        for further, text in zip(row["recent"], (english, "", "")):
            _line(table, further, text, style="dim")
    return table


def _line(table: Table, row: Row, name: str, style: str = "") -> None:
    flagged = "" if row["status"] == "ok" else "yellow"
    table.add_row(
        Text(name),
        words.PERIOD_TYPES["all"][0] if row["period_type"] == "all" else words.recent(row),
        Text("–" if row["value_display"] is None else words.value(row), style=flagged or ("" if style else "bold")),
        words.interval(row),
        words.plain(row["n"]),
        Text(words.status(row["status"]), style=flagged),
        str(row["as_of"]),
        style=style,
    )
