"""The workbook of a manager: headlines, one sheet per family with a chart, definitions. Native Excel, no macros."""

from __future__ import annotations

import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from exports import changes, figures, restatement_sheet, words, workbook_charts, workbook_cover, workbook_league
from exports.figures import Published, Row

MAX_SHEET_ROWS = 20_000  # what a person still filters with ease; kpi.csv holds all rows
FONT = "Microsoft YaHei"
INK, MUTED, ACCENT, BAND, LINE = "#1F2933", "#66727F", "#1F5F8B", "#EAF1F6", "#D5DCE3"
CELLS: dict[str, dict[str, Any]] = {  # of a table, by the kind of their value
    "blank": {}, "number": {"num_format": "#,##0"}, "date": {"num_format": "yyyy-mm-dd", "align": "left"},
    "text": {"quote_prefix": True},  # it stays text also after somebody has edited the cell
}  # fmt: skip
SUMMARY, DEFINITIONS = "概览 Summary", "定义 Definitions"
ROW_HEIGHT = 18
FIRST_ROW = 5  # first row of a table's body; its heading is the row before

# heading, width in characters
FAMILY_COLUMNS = (
    ("地点\nPlace", 20), ("层级\nLevel", 16), ("指标\nMetric", 50), ("期间类型\nPeriod type", 11), ("期间\nPeriod", 24),
    ("细分\nBreakdown", 22), ("数值\nValue", 14), ("下限 95%\nLower", 11), ("上限 95%\nUpper", 11), ("样本\nn", 9),
    ("分子\nNumerator", 13), ("分母\nDenominator", 13), ("单位\nUnit", 16), ("币种\nCurrency", 10),
    ("状态\nStatus", 18), ("截至\nAs of", 11), ("目标\nTarget", 12), ("达到目标\nReached", 12), ("较上期\nChange", 12),
    ("变化下限\nChange from", 12), ("变化上限\nChange to", 12), ("变化是否显著\nSignificance", 24),
)  # fmt: skip
BREAKDOWN = 5
# Folded away, so that a row can be read on A4; the [+] above them opens them.
FOLDED = ("Level", "Period type", "Numerator", "Denominator", "Change from", "Change to")
HEADLINE_COLUMNS = (
    ("地点\nPlace", 20), ("指标\nMetric", 46), ("期间\nPeriod", 16), ("数值\nValue", 14), ("下限 95%\nLower", 11),
    ("上限 95%\nUpper", 11), ("样本\nn", 9), ("分子\nNumerator", 13), ("分母\nDenominator", 13), ("单位\nUnit", 16),
    ("币种\nCurrency", 10), ("状态\nStatus", 18), ("截至\nAs of", 11),
)  # fmt: skip
QUALITY_COLUMNS = (
    ("来源\nSource", "source"), ("读入行\nRows in", "rows_in"), ("载入行\nLoaded", "rows_loaded"),
    ("隔离行\nQuarantined", "rows_quarantined"), ("跳过行\nSkipped", "rows_skipped"),
    ("标准化拒绝\nRejected", "rows_rejected_in_staging"), ("文件\nFiles", "files"),
    ("拦截批次\nBlocked", "batches_blocked"), ("关键未通过\nCritical", "gate_critical_failed"),
    ("警告\nWarnings", "gate_warning_failed"), ("最近载入\nLast load", "last_loaded_at"),
)  # fmt: skip
NUMERIC = {
    "Value", "Lower", "Upper", "n", "Numerator", "Denominator", "Rows in", "Loaded", "Quarantined", "Skipped", "Rejected",
    "Files", "Blocked", "Critical", "Warnings", "To upper", "To lower", "Target", "Change", "Change from", "Change to", "Rank", "Minimum n", "Before", "Now", "Difference", "Relative",
}  # fmt: skip
DEFINITION_COLUMNS = (
    ("编号\nCode", "metric_code", 12), ("族\nFamily", "family", 14), ("名称\nName (zh)", "name_zh", 18),
    ("英文名\nName (en)", "name_en", 24), ("公式\nFormula", "formula", 42), ("单位\nUnit", "unit", 10),
    ("方向\nDirection", "direction", 16), ("小数\nDecimals", "decimals", 9), ("最小样本\nMinimum n", "minimum_n", 10),
    ("统计量\nStatistic", "statistic", 14), ("记录\nRecord", "record", 14), ("细分\nBreakdowns", "breakdowns", 18),
    ("版本\nVersion", "definition_version", 9), ("负责\nOwner", "owner", 14), ("说明\nNotes", "notes", 40),
)  # fmt: skip


def write(published: Published, path: Path) -> None:
    """Write the workbook.

    Cells hold the unrounded value with a number format that shows the metric's decimals. Where there is no value the
    status stands in words. Text is always written as text: nothing in it is run as a formula or made a link.

    Args: published: the open version. path: the file to write.
    """
    book = Book(published, path)
    try:
        workbook_cover.write(book, published)
        summary = book.sheet(SUMMARY, "社区治理指标 Governance KPIs")
        charts = book.sheet(workbook_charts.CHARTS)
        sheets = {family: book.sheet(words.both(pair)) for family, pair in words.FAMILIES.items()}
        _summary(book, summary, published)
        drawn = []
        for family, sheet in sheets.items():
            _family(book, sheet, published, family)
            drawn.append((sheet, *workbook_charts.data(published, family)))
        workbook_charts.draw(book, charts, drawn)
        workbook_league.write(book, published)
        restatement_sheet.write(book, published)
        _definitions(book, published)
    finally:
        book.workbook.close()


class Book:
    """A workbook with its formats and the lines that every sheet carries."""

    def __init__(self, published: Published, path: Path) -> None:
        self.published = published
        self.workbook = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
        # The time of publication, not of export: the same version gives the same file.
        created = published.publication["published_at"].replace(tzinfo=None)
        self.workbook.set_properties({"title": "Governance KPIs", "comments": self.origin(), "created": created})
        self._formats: dict[tuple, Any] = {}

    def format(self, **properties: Any) -> Any:
        """A cell format, made once."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            common = {"font_name": FONT, "font_size": 10, "font_color": INK, "valign": "vcenter"}
            self._formats[key] = self.workbook.add_format({**common, **properties})
        return self._formats[key]

    def origin(self) -> str:
        """As-of, run and version: the line that says where the numbers of a sheet come from."""
        publication = self.published.publication
        return f"截至 As of {publication['as_of']} · 运行 Run {publication['run_id']} · 版本 Version {publication['version']}"

    def sheet(self, name: str, title: str | None = None) -> Worksheet:
        """A sheet with title and origin, set up for A4 landscape."""
        sheet = self.workbook.add_worksheet(name)
        sheet.hide_gridlines(2)
        sheet.set_zoom(90)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer(f"&L&8{self.origin().replace('&', '&&')}&R&8&P / &N")
        sheet.set_default_row(ROW_HEIGHT)
        sheet.set_row(0, 28)
        sheet.write_string(0, 0, title or name, self.format(bold=True, font_size=16, font_color=ACCENT))
        sheet.write_string(1, 0, self.origin(), self.format(font_color=MUTED))
        return sheet

    def heading(self, sheet: Worksheet, row: int, texts: list[str], first_column: int = 0) -> None:
        """The heading row of a table, two lines high."""
        sheet.set_row(row, 32)
        style = {"bold": True, "font_color": "#FFFFFF", "bg_color": ACCENT, "text_wrap": True}
        numeric = [text.split("\n")[-1] in NUMERIC for text in texts]
        for index, text in enumerate(texts):
            clear = int(not numeric[index] and index > 0 and numeric[index - 1])  # of the number to its left
            place = {"align": "right"} if numeric[index] else {"align": "left", "indent": clear}
            sheet.write_string(row, first_column + index, text, self.format(**style, **place))

    def cell(self, sheet: Worksheet, row: int, column: int, value: Any, **style: Any) -> None:
        """One value by its kind: text, number, date or nothing."""
        if value is None or value == "":
            sheet.write_blank(row, column, None, self._cell_format("blank", style))
        elif isinstance(value, str):
            sheet.write_string(row, column, value, self._cell_format("text", style))
        elif isinstance(value, bool):
            sheet.write_string(row, column, "是 yes" if value else "否 no", self._cell_format("blank", style))
        elif isinstance(value, (int, float)):
            sheet.write_number(row, column, value, self._cell_format("number", style))
        elif isinstance(value, date):
            naive = value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value
            sheet.write_datetime(row, column, naive, self._cell_format("date", style))
        else:
            sheet.write_string(row, column, str(value), self._cell_format("text", style))

    def _cell_format(self, kind: str, style: dict[str, Any]) -> Any:
        """The format of a cell of a table, looked up a million times."""
        key = (kind, *style.items())
        found = self._formats.get(key)
        if found is None:
            found = self._formats[key] = self.format(**{"bottom": 1, "bottom_color": LINE, **CELLS[kind], **style})
        return found


def _figure(book: Book, sheet: Worksheet, row: int, columns: dict[str, int], figure: Row, **style: Any) -> None:
    """The numeric cells of one figure, from the column numbers by name."""
    number = number_format(figure["unit"], figure["digits"])
    if figure["value"] is None:
        words_style = {"align": "right", "italic": True, "font_color": MUTED, **style}
        book.cell(sheet, row, columns["value"], words.missing(figure), **words_style)
    else:
        book.cell(sheet, row, columns["value"], figure["value"], num_format=number, bold=True, **style)
    for name in ("lower", "upper"):
        book.cell(sheet, row, columns[name], figure[name], num_format=number, **style)
    book.cell(sheet, row, columns["n"], figure["n"], **style)
    for name in ("numerator", "denominator"):
        whole = figure[name] is None or float(figure[name]).is_integer()
        book.cell(sheet, row, columns[name], figure[name], num_format="#,##0" if whole else "#,##0.00", **style)


def _compared(book: Book, sheet: Worksheet, row: int, figure: Row, **style: Any) -> None:
    """Target and change, from column 16 on; the change of a share in percentage points."""
    number = number_format(figure["unit"], figure["digits"])
    reached = changes.reaches_target(figure)
    book.cell(sheet, row, 16, figure["target"], num_format=number, **style)
    book.cell(sheet, row, 17, "" if reached is None else "是 yes" if reached else "否 no", indent=1, **style)
    factor, form = (100, number.replace("%", '" pp"')) if figure["unit"] == "share" else (1, number)
    for column, name in ((18, "change"), (19, "change_lower"), (20, "change_upper")):
        step = None if figure[name] is None else factor * figure[name]
        book.cell(sheet, row, column, step, num_format=f"+{form};-{form};{form}", **style)
    book.cell(sheet, row, 21, words.both(changes.verdict(figure)), indent=1, **style)


def number_format(unit: str | None, digits: int | None) -> str:
    """Excel's format of a figure: with that many decimals, a share as per cent."""
    places = "." + "0" * digits if digits else ""
    return f"0{places}%" if unit == "share" else f"#,##0{places}"


def _status_style(figure: Row) -> dict[str, Any]:
    return {} if figure["status"] == "ok" else {"font_color": "#9A5B00"}


def _unit(figure: Row) -> str:
    return "金额 amount" if figure["currency"] else words.both(words.UNITS.get(figure["unit"], (figure["unit"] or "", "")))


def _summary(book: Book, sheet: Worksheet, published: Published) -> None:
    """Headlines, how to read them, and the quality of the data."""
    for column, (_, width) in enumerate(HEADLINE_COLUMNS):
        sheet.set_column(column, column, width)
    publication = published.publication
    sheet.write_string(
        2, 0,
        f"发布 Published {publication['published_at']:%Y-%m-%d %H:%M} UTC · 代码 Code {publication['code_version']} · "
        f"指标目录 Catalogue {publication['catalogue_version']}",
        book.format(font_color=MUTED),
    )  # fmt: skip
    book.heading(sheet, FIRST_ROW - 1, [heading for heading, _ in HEADLINE_COLUMNS])
    sheet.freeze_panes(FIRST_ROW, 2)
    columns = {"value": 3, "lower": 4, "upper": 5, "n": 6, "numerator": 7, "denominator": 8}
    row, previous = FIRST_ROW, None
    shown = [figure for headline in figures.headlines(published) for figure in (headline, *headline["recent"])]
    for figure in shown:
        style = {"top": 2, "top_color": ACCENT} if previous not in (None, figure["place_key"]) else {}
        previous = figure["place_key"]
        book.cell(sheet, row, 0, words.place(figure), **style)
        book.cell(sheet, row, 1, f"{figure['metric_code']} {words.metric(figure)}", text_wrap=True, **style)
        if text_width(f"{figure['metric_code']} {words.metric(figure)}") > HEADLINE_COLUMNS[1][1]:
            sheet.set_row(row, 2 * ROW_HEIGHT)
        book.cell(sheet, row, 2, words.recent(figure), **style)
        _figure(book, sheet, row, columns, figure, **style)
        book.cell(sheet, row, 9, _unit(figure), indent=1, **style)
        book.cell(sheet, row, 10, figure["currency"], **style)
        book.cell(sheet, row, 11, words.status(figure["status"]), **style, **_status_style(figure))
        book.cell(sheet, row, 12, figure["as_of"], **style)
        row += 1
    sheet.autofilter(FIRST_ROW - 1, 0, max(row - 1, FIRST_ROW), len(HEADLINE_COLUMNS) - 1)
    row = _notes(book, sheet, row + 1)
    _quality(book, sheet, published, row + 1)


def _notes(book: Book, sheet: Worksheet, row: int) -> int:
    """How to read the statuses, one line each."""
    sheet.write_string(row, 0, "状态说明 How to read the status", book.format(bold=True, font_color=ACCENT))
    for code, note in words.STATUS_NOTES.items():
        row += 1
        sheet.write_string(row, 0, words.status(code), book.format())
        sheet.write_string(row, 1, words.both(note), book.format(font_color=MUTED))
    return row + 1


def _quality(book: Book, sheet: Worksheet, published: Published, row: int) -> None:
    """The verdict and the table of sources."""
    sheet.write_string(row, 0, "数据质量 Data quality", book.format(bold=True, font_color=ACCENT))
    for sentence in figures.quality_verdict(published):
        row += 1
        sheet.write_string(row, 0, sentence, book.format(font_color=MUTED))
    row += 1
    book.heading(sheet, row, [heading for heading, _ in QUALITY_COLUMNS])
    for source in figures.quality(published):
        row += 1
        for column, (_, name) in enumerate(QUALITY_COLUMNS):
            book.cell(sheet, row, column, source[name], **({"indent": 1} if name == "last_loaded_at" else {}))


def _family(book: Book, sheet: Worksheet, published: Published, family: str) -> None:
    """The table of a family: the top two levels of places, all periods, the most important rows first if too many."""
    rows = _family_rows(published, family)
    (total,) = published.rows("select count(*) as n from figure where family = $family", {"family": family})
    sheet.write_string(
        2, 0,
        f"顶层及下一层地点；细分只列全部、调查和年度。本表 {len(rows):,} 行，全部 {total['n']:,} 行见 kpi.csv。 Top two levels of places; "
        f"breakdowns by all time, wave and year only. {len(rows):,} rows here, all {total['n']:,} in kpi.csv. 折叠的列：点 [+]。 Folded columns: [+].",
        book.format(font_color=MUTED),
    )  # fmt: skip
    for column, (heading, width) in enumerate(FAMILY_COLUMNS):
        folded = {"level": 1, "hidden": True} if heading.split("\n")[-1] in FOLDED else {}
        sheet.set_column(column, column, width, None, folded)
    if not any(figure["breakdown_type"] != "none" for figure in rows):
        sheet.set_column(BREAKDOWN, BREAKDOWN, 11)
    book.heading(sheet, FIRST_ROW - 1, [heading for heading, _ in FAMILY_COLUMNS])
    sheet.freeze_panes(FIRST_ROW, 3)
    sheet.repeat_rows(FIRST_ROW - 1)
    columns = {"value": 6, "lower": 7, "upper": 8, "n": 9, "numerator": 10, "denominator": 11}
    band, previous = False, None
    for row, figure in enumerate(rows, FIRST_ROW):
        band ^= previous not in (None, (figure["place_key"], figure["metric_code"]))
        previous = (figure["place_key"], figure["metric_code"])
        style = {"bg_color": BAND} if band else {}
        texts = (
            words.place(figure), figure["place_level"],
            f"{figure['metric_code']} {words.both((figure['name_zh'], figure['name_en']))}",
            words.both(words.PERIOD_TYPES.get(figure["period_type"], (figure["period_type"], ""))), words.period(figure),
            "" if figure["breakdown_type"] == "none" else figure["breakdown_label"],
        )  # fmt: skip
        for column, text in enumerate(texts):
            book.cell(sheet, row, column, text, **style, **({"bold": True} if column == 0 and figure["depth"] == 0 else {}))
        _figure(book, sheet, row, columns, figure, **style)
        book.cell(sheet, row, 12, _unit(figure), indent=1, **style)
        book.cell(sheet, row, 13, figure["currency"], **style)
        book.cell(sheet, row, 14, words.status(figure["status"]), **style, **_status_style(figure))
        book.cell(sheet, row, 15, figure["as_of"], **style)
        _compared(book, sheet, row, figure, **style)
    last = FIRST_ROW + max(len(rows), 1) - 1
    if not rows:
        sheet.write_string(FIRST_ROW, 0, "尚无数据 No figures yet", book.format(italic=True, font_color=MUTED))
    sheet.autofilter(FIRST_ROW - 1, 0, last, len(FAMILY_COLUMNS) - 1)
    sheet.print_area(0, 0, last, len(FAMILY_COLUMNS) - 1)


def _family_rows(published: Published, family: str) -> list[Row]:
    """The figures of the top two levels. If they are more than MAX_SHEET_ROWS, whole periods are left out, the second
    level's oldest months first."""
    return published.rows(
        f"""
        with candidate as (
            select *, count(*) over (order by depth, period_rank, period_start desc nulls last) as needed
            from figure where family = $family and depth <= 1
                and (breakdown_type = 'none' or period_type in ('all', 'wave', 'year'))
        )
        from ({changes.compared("from candidate")}) where needed <= $most order by {figures.ORDER}
        """,
        {"family": family, "most": MAX_SHEET_ROWS},
    )


def _definitions(book: Book, published: Published) -> None:
    """The catalogue: what every number means."""
    sheet = book.sheet(DEFINITIONS)
    book.heading(sheet, FIRST_ROW - 1, [heading for heading, _, _ in DEFINITION_COLUMNS])
    sheet.freeze_panes(FIRST_ROW, 1)
    sheet.repeat_rows(FIRST_ROW - 1)
    for column, (_, _, width) in enumerate(DEFINITION_COLUMNS):
        sheet.set_column(column, column, width)
    row = FIRST_ROW
    for definition in figures.definitions(published):
        said = {
            **definition,
            "family": words.both(words.FAMILIES.get(definition["family"], (definition["family"], ""))),
            "breakdowns": (definition["breakdowns"] or "").replace("|", ", "),
            "direction": words.both(words.DIRECTIONS.get(definition["direction"], (definition["direction"], ""))),
        }
        lines = 1
        for column, (_, name, width) in enumerate(DEFINITION_COLUMNS):
            book.cell(sheet, row, column, said[name], text_wrap=True, valign="top", align="left")
            lines = max(lines, -(-text_width(str(said[name] or "")) // (width - 2)))
        sheet.set_row(row, ROW_HEIGHT + 15 * (min(lines, 8) - 1))
        row += 1
    sheet.autofilter(FIRST_ROW - 1, 0, max(row - 1, FIRST_ROW), len(DEFINITION_COLUMNS) - 1)


def text_width(text: str) -> int:
    """Columns a text takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
