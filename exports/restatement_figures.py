"""Restatements as people see them: named and rounded like the figures, with the files behind them."""

from __future__ import annotations

from exports import figures, words
from exports.figures import Published, Row

FILES_NAMED = 3


def restatements(published: Published, only_this_version: bool = False, totals_only: bool = False) -> list[Row]:
    """What was restated at the top two levels of places, so that people see it, newest version first, the most important first.

    Args: published: the open version. only_this_version: leave out what versions before it restated. totals_only: leave out the
    breakdowns.
    Returns: rows of kpi_restatement with names, `old_display`, `new_display` and `difference_display` (NULL where there is no
    number), and `files`, those that brought it. Empty for a version that was published before there were restatements.
    """
    if not _is_there(published):
        return []
    return published.rows(
        f"""
        with definition as (
            from (select *, rowid as metric_rank from kpi_catalogue)
            qualify row_number() over (partition by metric_code order by definition_version desc) = 1
        ),
        behind as (
            select version, cause_no, causes, list(distinct file_name order by file_name) as names
            from (select distinct version, cause_no, causes from kpi_restatement)
            inner join kpi_restatement_cause using (version, cause_no)
            where list_contains(string_split(causes, '|'), cause) and file_name is not null group by all
        ),
        named as (
            select restatement.*, coalesce(definition.name_zh, restatement.metric_code) as name_zh,
                coalesce(definition.name_en, '') as name_en, definition.family, definition.metric_rank,
                coalesce(definition.is_headline, false) as is_headline, least(coalesce(definition.decimals, 2), 6) as wanted,
                coalesce(place.place_name, restatement.place_path) as place_name, place.place_name_en,
                coalesce(place.depth, 0) as depth, coalesce(place.tree_rank, 99) as tree_rank,
                coalesce(dim_question.question_text, restatement.breakdown_value) as breakdown_label,
                array_to_string(behind.names[:{FILES_NAMED}], '、')
                    || if(len(behind.names) > {FILES_NAMED}, ' +' || (len(behind.names) - {FILES_NAMED}), '') as files
            from kpi_restatement as restatement
            left join definition using (metric_code)
            left join place using (place_key)
            left join dim_question on breakdown_type = 'question' and breakdown_value = dim_question.question_key
            left join behind
                on restatement.version = behind.version and restatement.cause_no = behind.cause_no
                and restatement.causes = behind.causes
        ),
        numbered as (
            select *, digits_shown(old_value, unit, wanted) as old_digits, digits_shown(new_value, unit, wanted) as new_digits,
                digits_shown(difference, unit, wanted) as difference_digits
            from named
        )
        select *, shown(old_value, unit, old_digits) as old_display, shown(new_value, unit, new_digits) as new_display,
            shown(difference, unit, difference_digits) as difference_display
        from numbered
        where depth <= 1 and (version = $version or not $only_this_version)
            and (breakdown_type = 'none' or not $totals_only)
            and (is_hidden or old_status is distinct from new_status or old_display is distinct from new_display)
        order by version desc, not is_headline, tree_rank, depth, place_path,
            list_position([{figures.FAMILY_LIST}], family) nulls last, metric_rank, metric_code, breakdown_type != 'none',
            breakdown_value, currency nulls first, period_type, period_start desc
        """,
        {"version": published.version, "only_this_version": only_this_version, "totals_only": totals_only},
    )


def summary(published: Published) -> tuple[str, str]:
    """What this version restates, in one sentence, Chinese and English."""
    before = published.publication.get("compared_with")
    if before is None or not _is_there(published):
        return "本版本没有可比较的前一版本。", "There is no version before this one to compare it with."
    counted = published.rows(
        "select main_cause, count(*) as n from kpi_restatement where version = $version group by all order by n desc, main_cause",
        {"version": published.version},
    )
    if not counted:
        return (f"与上一版本 {before} 相比，已结束期间的数字没有更改。",
                f"Compared with version {before}, no figure of a closed period has changed.")  # fmt: skip
    total = sum(row["n"] for row in counted)
    parts = [(words.CAUSES.get(row["main_cause"], (row["main_cause"], row["main_cause"])), row["n"]) for row in counted]
    return (
        f"与上一版本 {before} 相比，已结束期间有 {total:,} 个数字更改：" + "，".join(f"{zh} {n:,}" for (zh, _), n in parts) + "。",
        f"Compared with version {before}, {total:,} {'figure' if total == 1 else 'figures'} of closed periods changed: "
        + ", ".join(f"{en} {n:,}" for (_, en), n in parts) + ".",
    )  # fmt: skip


def _is_there(published: Published) -> bool:
    return bool(published.rows("select 1 from duckdb_tables() where table_name = 'kpi_restatement'"))
