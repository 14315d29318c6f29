"""The workbook's league tables: places by the headline metrics that have intervals, ranked where they rest on enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports import words
from exports.figures import Published, Row

if TYPE_CHECKING:
    from exports.workbook import Book

NAME = "排名 Ranking"
FIRST_ROW = 5
COLUMNS = (
    ("指标\nMetric", 50), ("层级\nLevel", 14), ("期间\nPeriod", 14), ("名次\nRank", 18), ("地点\nPlace", 32), ("数值\nValue", 14),
    ("下限 95%\nLower", 11), ("上限 95%\nUpper", 11), ("样本\nn", 9), ("最小样本\nMinimum n", 10), ("与上层相比\nAgainst the top", 26),
    ("状态\nStatus", 18),
)  # fmt: skip
AGAINST = {"above": ("显著更高", "surely higher"), "below": ("显著更低", "surely lower"), "same": ("无显著差别", "no sure difference")}
NOT_RANKED = ("不排名", "not ranked")


def rows(published: Published) -> list[Row]:
    """Places of one level × headline metrics with an interval: all time, or the period that is reported on.

    `place_rank` is the rank by value, the better direction first, of the places whose status is ok and whose n reaches the minimum n
    of the metric (at least 1); NULL for the others, which come last. `against` compares the interval with the value of the top place.
    """
    of_period = "true" if published.period else "period_type = 'all'"
    return published.rows(
        f"""
        with candidate as (
            select reported_figure.*, minimum_n, kpi_catalogue.direction as better
            from reported_figure inner join kpi_catalogue using (metric_code)
            where reported_figure.is_headline and breakdown_type = 'none' and kpi_catalogue.direction in ('up', 'down') and {of_period}
                and place_level != 'unknown'
        ),
        ratio as (
            from candidate
            qualify bool_or("lower" is not null) over (partition by metric_code)
        ),
        ranked as (
            select ratio.*, (status = 'ok' and n >= greatest(minimum_n, 1)) as is_ranked, top."value" as top_value
            from ratio
            left join (select root_key, metric_code, currency, period_start, "value" from ratio where depth = 0) as top
                on ratio.root_key = top.root_key and ratio.metric_code = top.metric_code
                and ratio.currency is not distinct from top.currency and ratio.period_start = top.period_start
            where ratio.depth > 0
        )
        select *,
            case when is_ranked then rank() over (
                partition by metric_code, root_key, place_level, currency, period_start, is_ranked
                order by if(better = 'up', -"value", "value")) end as place_rank,
            case when not is_ranked or "lower" is null or "upper" is null then null
                when "lower" > top_value then 'above' when "upper" < top_value then 'below' else 'same' end as against
        from ranked
        order by tree_rank, family_rank, metric_rank, depth, place_level, period_start desc, currency nulls first, place_rank nulls last, place_path
        """
    )


def write(book: Book, published: Published) -> None:
    """Write the sheet."""
    from exports import workbook

    sheet = book.sheet(NAME)
    found = rows(published)
    sheet.write_string(
        2, 0,
        "只排样本达到最小值的地点；区间重叠的名次不必当真。 Ranked are places whose n reaches the minimum; ranks whose intervals overlap "
        "may be chance.", book.format(font_color=workbook.MUTED),
    )  # fmt: skip
    for column, (_, width) in enumerate(COLUMNS):
        sheet.set_column(column, column, width)
    book.heading(sheet, FIRST_ROW - 1, [heading for heading, _ in COLUMNS])
    sheet.freeze_panes(FIRST_ROW, 1)
    sheet.repeat_rows(FIRST_ROW - 1)
    for number, row in enumerate(found, FIRST_ROW):
        style = {"font_color": workbook.MUTED} if row["place_rank"] is None else {}
        form = workbook.number_format(row["unit"], row["digits"])
        book.cell(sheet, number, 0, f"{row['metric_code']} {words.both((row['name_zh'], row['name_en']))}", **style)
        book.cell(sheet, number, 1, row["place_level"], **style)
        book.cell(sheet, number, 2, words.recent(row), **style)
        rank = row["place_rank"] if row["place_rank"] is not None else words.both(NOT_RANKED)
        book.cell(sheet, number, 3, rank, align="right", **style)
        book.cell(sheet, number, 4, words.place(row), indent=1, **style)
        value = row["value"] if row["value"] is not None else words.missing(row)
        book.cell(sheet, number, 5, value, num_format=form, align="right", **style)
        for column, name in ((6, "lower"), (7, "upper")):
            book.cell(sheet, number, column, row[name], num_format=form, **style)
        book.cell(sheet, number, 8, row["n"], **style)
        book.cell(sheet, number, 9, row["minimum_n"], **style)
        book.cell(sheet, number, 10, words.both(AGAINST[row["against"]]) if row["against"] else "", indent=1, **style)
        book.cell(sheet, number, 11, words.status(row["status"]), **style)
    if not found:
        sheet.write_string(FIRST_ROW, 0, "尚无可排名的指标 Nothing to rank yet", book.format(italic=True, font_color=workbook.MUTED))
    last = FIRST_ROW + max(len(found), 1) - 1
    sheet.autofilter(FIRST_ROW - 1, 0, last, len(COLUMNS) - 1)
    sheet.print_area(0, 0, last, len(COLUMNS) - 1)
