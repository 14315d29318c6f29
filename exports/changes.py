"""A figure beside the one of the period before it and beside its target."""

from __future__ import annotations

from typing import Any

SURE = {"better": ("显著变好", "sure: better"), "worse": ("显著变差", "sure: worse"), "other": ("显著变化", "sure change")}
CHANCE = ("可能是偶然", "may be chance")


def compared(figures: str) -> str:
    """SQL: rows of `figure` with `change` (to the figure of the period before, of the wave before for surveys), its 95 % interval
    `change_lower` and `change_upper`, and `target`.

    The interval of a difference comes from the intervals of its two values (Newcombe's method; MOVER), so there is one where both
    have theirs. Nothing is compared with a period that is not over, nor across a gap.

    Args: figures: a query of rows of `figure`, all periods among them.
    """
    return f"""
    select compared.* exclude (previous_value, previous_lower, previous_upper, comparable), kpi_target.value as target,
        if(comparable, compared.value - previous_value, null) as change,
        if(comparable, compared.value - previous_value
            - sqrt(power(compared.value - compared.lower, 2) + power(previous_upper - previous_value, 2)), null) as change_lower,
        if(comparable, compared.value - previous_value
            + sqrt(power(compared.upper - compared.value, 2) + power(previous_value - previous_lower, 2)), null) as change_upper
    from (
        select *, lag("value") over series as previous_value, lag("lower") over series as previous_lower,
            lag("upper") over series as previous_upper,
            status in ('ok', 'low_n') and lag(status) over series in ('ok', 'low_n')
                and (period_type = 'wave' or lag(period_end) over series = period_start) as comparable
        from ({figures})
        window series as (
            partition by metric_code, place_key, breakdown_type, breakdown_value, currency, period_type order by period_start
        )
    ) as compared
    left join kpi_target
        on compared.metric_code = kpi_target.metric_code and compared.place_key = kpi_target.place_key
        and compared.period_type = kpi_target.period_type and compared.period_start = kpi_target.period_start
        and compared.currency is not distinct from kpi_target.currency and compared.breakdown_type = 'none'
    """


def verdict(row: dict[str, Any]) -> tuple[str, str]:
    """What a change amounts to, Chinese and English: sure where its interval leaves out 0; empty where there is no interval."""
    if row["change_lower"] is None or row["change_upper"] is None:
        return "", ""
    if row["change_lower"] <= 0 <= row["change_upper"]:
        return CHANCE
    if row["direction"] not in ("up", "down"):
        return SURE["other"]
    return SURE["better" if (row["change"] > 0) == (row["direction"] == "up") else "worse"]


def reaches_target(row: dict[str, Any]) -> bool | None:
    """Whether a figure reaches its target; None without one, or where the metric has no better direction."""
    if row["target"] is None or row["value"] is None or row["direction"] not in ("up", "down"):
        return None
    return row["value"] <= row["target"] if row["direction"] == "down" else row["value"] >= row["target"]
