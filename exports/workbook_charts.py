"""The workbook's charts: native ones, over data of their own, so that filtering a table leaves them whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_range_abs
from xlsxwriter.worksheet import Worksheet

from exports import figures, words
from exports.figures import Published, Row

if TYPE_CHECKING:
    from exports.workbook import Book

CHARTS = "图表 Charts"
COLOUR, WHISKER, GRID = "#1F5F8B", "#8796A5", "#E3E8ED"
WIDTH, HEIGHT = 660, 330
LOW_SHARE = 0.1  # below it the axis ends where the shares do: up to 100 % they would be a line on the ground
BLOCK, COLUMN_WIDTH, PRINTED_COLUMNS = 5, 14, 12  # columns of one chart's data; their width; columns under two charts
TITLE_ROW, FIRST_ROW = 40, 42  # the data stand below the charts


def data(published: Published, family: str) -> tuple[str, list[Row]]:
    """What a family's chart shows: satisfaction by question where there is any, else the trend of its headline.

    Returns: `bar` (by question), `column` (counts and sums over time) or `line` (ratios over time), and the figures;
    no figures when there is nothing to draw.
    """
    if family == "satisfaction":
        questions = figures.by_question(published, limit=12)
        if questions:
            return "bar", questions
    rows = figures.trend(published, family)
    return ("column" if rows and all(row["lower"] is None for row in rows) else "line"), rows


def draw(book: Book, charts: Worksheet, drawn: list[tuple[Worksheet, str, list[Row]]]) -> None:
    """Draw each chart twice: beside its family's table, and on the sheet of charts, which prints on one page and holds
    their data below."""
    place = 0
    for family_sheet, kind, rows in drawn:
        if not rows:
            continue
        _write(book, charts, place * BLOCK, kind, rows)
        position = {"object_position": 2}
        family_sheet.insert_chart(4, family_sheet.dim_colmax + 2, _chart(book, place * BLOCK, kind, rows), position)
        offset = {"x_offset": (place % 2) * (WIDTH + 15), "y_offset": (place // 2) * (HEIGHT + 15)}
        charts.insert_chart(3, 0, _chart(book, place * BLOCK, kind, rows), position | offset)
        place += 1
    if not place:
        charts.write_string(3, 0, "尚无可绘制的数据 Nothing to draw yet", book.format(italic=True))
    charts.fit_to_pages(1, 1)
    charts.print_area(0, 0, TITLE_ROW - 2, PRINTED_COLUMNS)


def _write(book: Book, sheet: Worksheet, column: int, kind: str, rows: list[Row]) -> None:
    """One block of data: label, value and the lengths of the interval's two arms."""
    sheet.set_column(column, column + BLOCK - 1, COLUMN_WIDTH)
    book.cell(sheet, TITLE_ROW, column, _title(kind, rows), bold=True)
    book.heading(sheet, FIRST_ROW - 1, ["", "数值\nValue", "至上限\nTo upper", "至下限\nTo lower"], column)
    for line, row in enumerate(rows, FIRST_ROW):
        book.cell(sheet, line, column, row["breakdown_label"] if kind == "bar" else words.period(row))
        for offset, number in enumerate((row["value"], _arm(row, "upper"), _arm(row, "lower")), 1):
            book.cell(sheet, line, column + offset, number, num_format="General")


def _arm(row: Row, bound: str) -> float | None:
    return None if row["value"] is None or row[bound] is None else abs(row[bound] - row["value"])


def _title(kind: str, rows: list[Row]) -> str:
    first = rows[0]
    name = words.both((first["name_zh"], first["name_en"]))
    when = words.recent(first) if kind == "bar" else f"{words.recent(first)} – {words.recent(rows[-1])}"
    currency = f" ({first['currency']})" if first["currency"] else ""
    return f"{words.place(first)} · {name}{currency} · {when}"


def _chart(book: Book, column: int, kind: str, rows: list[Row]) -> Any:
    chart = book.workbook.add_chart({"type": kind})
    last = FIRST_ROW + len(rows) - 1

    def cells(offset: int) -> list:
        return [CHARTS, FIRST_ROW, column + offset, last, column + offset]

    series: dict[str, Any] = {"categories": cells(0), "values": cells(1), "gap": 60}
    if kind == "line":
        series |= {
            "line": {"color": COLOUR, "width": 2.0},
            "marker": {"type": "circle", "size": 5, "fill": {"color": COLOUR}, "border": {"color": COLOUR}},
        }
    else:
        series |= {"fill": {"color": COLOUR}, "border": {"none": True}}
    if any(row["lower"] is not None or row["upper"] is not None for row in rows):
        series["y_error_bars"] = {
            "type": "custom",
            "plus_values": _reference(column + 2, last),
            "minus_values": _reference(column + 3, last),
            "line": {"color": WHISKER, "width": 1.0},
        }
    chart.add_series(series)
    font = {"name": "Microsoft YaHei", "size": 9, "color": "#66727F", "bold": False}
    title_font = {**font, "size": 11, "color": "#1F2933", "bold": True}
    chart.set_title({"name": _title(kind, rows), "name_font": title_font, "overlay": False})
    chart.set_legend({"none": True})
    share = rows[0]["unit"] == "share"
    highest = max(row["upper"] or row["value"] or 0 for row in rows)
    numbers: dict[str, Any] = {
        "num_font": font, "num_format": ("0%" if highest > LOW_SHARE else "0.0%") if share else "#,##0", "min": 0, "line": {"none": True},
        "major_gridlines": {"visible": True, "line": {"color": GRID}},
    }  # fmt: skip
    if share and LOW_SHARE < highest <= 1:
        numbers["max"] = 1
    labels: dict[str, Any] = {"num_font": font, "line": {"color": WHISKER}, "major_gridlines": {"visible": False}}
    if kind != "bar":
        labels["interval_unit"] = -(-len(rows) // 9)
    if kind == "bar":  # its axes are swapped: x is the one of the numbers; the best question comes first
        chart.set_x_axis(numbers)
        chart.set_y_axis({**labels, "reverse": True})
    else:
        chart.set_x_axis(labels)
        chart.set_y_axis(numbers)
    chart.set_size({"width": WIDTH, "height": HEIGHT})
    chart.set_chartarea({"border": {"color": GRID}})
    return chart


def _reference(column: int, last: int) -> str:
    """A range of the chart data in A1 form, which error bars need."""
    return f"='{CHARTS}'!{xl_range_abs(FIRST_ROW, column, last, column)}"
