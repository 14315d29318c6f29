"""The workbook's sheet of restatements: which figures published before are other ones now, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports import restatement_figures, words
from exports.figures import Published

if TYPE_CHECKING:
    from exports.workbook import Book

NAME = "更改 Restated"
FIRST_ROW = 6
MAX_ROWS = 5_000
COLUMNS = (
    ("发布日\nPublished", 12), ("地点\nPlace", 20), ("指标\nMetric", 36), ("期间\nPeriod", 14), ("细分\nBreakdown", 16),
    ("原数值\nBefore", 17), ("新数值\nNow", 17), ("差\nDifference", 12), ("差 %\nRelative", 10), ("单位\nUnit", 18),
    ("原因\nCause", 22), ("另有\nAlso", 22), ("来自文件\nFrom files", 44), ("版本\nVersion", 28),
)  # fmt: skip


def write(book: Book, published: Published) -> None:
    """Write the sheet: this version's restatements first, then those of the versions before."""
    from exports import workbook

    sheet = book.sheet(NAME)
    rows = restatement_figures.restatements(published)
    muted = book.format(font_color=workbook.MUTED)
    for line, text in enumerate(restatement_figures.summary(published), 2):
        sheet.write_string(line, 0, text, muted)
    left_out = "" if len(rows) <= MAX_ROWS else f" 本表 {MAX_ROWS:,} / {len(rows):,} 行 {MAX_ROWS:,} of {len(rows):,} rows."
    sheet.write_string(
        4, 0,
        "顶层及下一层地点，显示的数字有变的；未结束期间的增长不在其中，全部见 kpi_restatement。 Top two levels of places, where the number "
        f"shown is another one, without what periods that were still open have gained; all in kpi_restatement.{left_out}",
        muted,
    )  # fmt: skip
    for column, (_, width) in enumerate(COLUMNS):
        sheet.set_column(column, column, width)
    book.heading(sheet, FIRST_ROW - 1, [heading for heading, _ in COLUMNS])
    sheet.freeze_panes(FIRST_ROW, 3)
    sheet.repeat_rows(FIRST_ROW - 1)
    rows = rows[:MAX_ROWS]
    for number, row in enumerate(rows, FIRST_ROW):
        main, *others = row["causes"].split("|")
        texts = {
            1: words.place(row), 2: f"{row['metric_code']} {words.both((row['name_zh'], row['name_en']))}", 3: words.recent(row),
            4: "" if row["breakdown_type"] == "none" else row["breakdown_label"], 9: words.unit(row), 10: words.cause(main),
            11: "、".join(words.cause(other) for other in others), 12: row["files"], 13: row["version"],
        }  # fmt: skip
        book.cell(sheet, number, 0, row["published_at"])
        for column, text in texts.items():
            book.cell(sheet, number, column, text, **({"indent": 1} if column == 9 else {}))
        for column, side in ((5, "old"), (6, "new")):
            value = row[f"{side}_value"]
            style = {"align": "right", "num_format": workbook.number_format(row["unit"], row[f"{side}_digits"])}
            if value is None:
                value, style = words.restated(row, side), {"align": "right", "italic": True, "font_color": workbook.MUTED}
            book.cell(sheet, number, column, value, **style)
        form = workbook.number_format(row["unit"], row["new_digits"] if row["new_digits"] is not None else row["old_digits"])
        step = row["difference"]
        if row["unit"] == "share" and step is not None:  # of shares in points, which are no per cent of the share
            step, form = 100 * step, form.replace("%", '" pp"')
        book.cell(sheet, number, 7, step, num_format=f"+{form};-{form};{form}")
        book.cell(sheet, number, 8, row["relative_difference"], num_format="+0.0%;-0.0%;0.0%")
    if not rows:
        sheet.write_string(FIRST_ROW, 0, "没有更改 Nothing restated", book.format(italic=True, font_color=workbook.MUTED))
    last = FIRST_ROW + max(len(rows), 1) - 1
    sheet.autofilter(FIRST_ROW - 1, 0, last, len(COLUMNS) - 1)
    sheet.print_area(0, 0, last, len(COLUMNS) - 1)
