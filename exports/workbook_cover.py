"""The workbook's first sheet: what it is about, of when, how good the data are and what is new, with room to sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports import figures, restatement_figures, words
from exports.figures import Published

if TYPE_CHECKING:
    from exports.workbook import Book

NAME = "封面 Cover"
AUDIENCES = {
    "internal": ("内部使用；少于 5 人的数字已隐去", "internal: numbers of fewer than 5 people are hidden"),
    "public": ("可公开；少于 10 人的数字已隐去", "public: numbers of fewer than 10 people are hidden"),
}
LABEL_WIDTH, TEXT_WIDTH = 24, 120


def write(book: Book, published: Published) -> None:
    """Write the cover."""
    from exports import workbook

    sheet = book.sheet(NAME, "社区治理指标 Governance KPIs")
    sheet.set_column(0, 0, LABEL_WIDTH)
    sheet.set_column(1, 1, TEXT_WIDTH)
    row = 3
    for label, texts in _lines(published):
        sheet.write_string(row, 0, label, book.format(bold=True, font_color=workbook.ACCENT, valign="top"))
        for text in texts:
            lines = -(-workbook.text_width(text) // (TEXT_WIDTH - 4))
            sheet.set_row(row, workbook.ROW_HEIGHT * max(lines, 1))
            sheet.write_string(row, 1, text, book.format(text_wrap=True, valign="top"))
            row += 1
    for label in ("签发 Signed by", "日期 Date"):
        row += 1
        sheet.set_row(row, 30)
        sheet.write_string(row, 0, label, book.format(bold=True, font_color=workbook.ACCENT))
        sheet.write_blank(row, 1, None, book.format(bottom=1))
    sheet.print_area(0, 0, row, 1)


def _lines(published: Published) -> list[tuple[str, tuple[str, ...]]]:
    publication = published.publication
    places = published.rows(
        """
        select tree, min_by(place_name, depth) as top, count(*) filter (place_level != 'unknown') as places
        from place group by tree order by min(tree_rank)
        """
    )
    (covered,) = published.rows(
        """
        select count(*) as n, count(distinct metric_code) as metrics, count(*) filter (status = 'suppressed') as hidden,
            min(period_start) filter (period_type = 'month') as first, max(period_end) filter (period_type = 'month') as last
        from figure
        """
    )
    period = str(published.period) if published.period else f"{covered['first']} – {covered['last']}"
    return [
        ("范围 Scope", tuple(f"{row['top']} · {row['places']} 个地点 places" for row in places)),
        ("期间 Period", (period,)),
        ("截至 As of", (str(publication["as_of"]),)),
        ("读者 Audience", (words.both(AUDIENCES[published.audience]),)),
        ("内容 Contents", (f"{covered['metrics']} 个指标 metrics · {covered['n']:,} 个数字 figures · {covered['hidden']:,} 个隐去 hidden",)),
        ("版本 Version", (f"{publication['version']} · 运行 run {publication['run_id']}",
                          f"代码 code {publication['code_version']} · 指标目录 catalogue {publication['catalogue_version']} · "
                          f"发布 published {publication['published_at']:%Y-%m-%d %H:%M} UTC")),
        ("数据质量 Data quality", figures.quality_verdict(published)),
        ("与上一版本相比 What changed", restatement_figures.summary(published)),
    ]  # fmt: skip
