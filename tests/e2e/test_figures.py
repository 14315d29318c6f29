"""The published figures: all of them load, the golden figures are recomputed from them, contradictions are shown."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.e2e.test_sample_figures import published

OURS = "source = 'published_figures'"


def delivered() -> list[dict[str, str]]:
    """The rows of the raw file, read without the warehouse."""
    (path,) = (PROJECT / "samples" / "published_figures").glob("*.csv")
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_503_figures_load_with_a_value_and_a_place_of_their_own(installation: Path) -> None:
    assert len(delivered()) == 503
    assert published(
        f"select count(*), count(distinct figure_key), count(value), count(*) filter (place_level = 'reported_place') "
        f"from fct_figure inner join dim_place using (place_key) where fct_figure.{OURS}"
    ) == [(503, 503, 503, 503)]
    assert published(f"select count(*) from quality_unmatched_place where {OURS}") == [(0,)]


@pytest.mark.parametrize(
    ("number", "value", "lower", "upper", "approx", "unit", "decimals"),
    [
        ("F430", 349, 349, 349, "exact", "件", 0),
        ("F432", 83.7, 83.7, 83.7, "exact", "%", 1),
        ("F005", 1000, 1000, 2000, "gt", "人", 0),
        ("F006", 6_300_000, 6_300_000, 6_400_000, "gt", "元", -4),
        ("F120", 380_000, 370_000, 380_000, "lt", "元", -4),
        ("F096", 5000, None, 5000, "cap", "元", 0),
        ("F419", 80, 80, None, "floor", "%", 0),
        ("F186", 89_000, 88_000, 90_000, "ambiguous", "人次", -3),
        ("F128", 80_000, 80_000, 80_000, "exact", "kg", -4),
        ("F132", 0.3, 0.3, 0.3, "exact", "元/斤", 1),
    ],
)
def test_a_figure_has_its_value_and_bounds_in_base_units(
    installation: Path, number: str, value: float, lower: float | None, upper: float | None, approx: str, unit: str, decimals: int
) -> None:
    found = published(
        "select value::double, lower::double, upper::double, approx, unit, published_decimals from fct_figure "
        f"where figure_key = 'published_figures:{number}'"
    )
    assert found == [(value, lower, upper, approx, unit, decimals)]


def test_a_scale_lost_in_print_is_repaired_by_the_match_cap_and_the_printed_number_kept(installation: Path) -> None:
    assert published(
        f"select figure_key, raw_value::double, value::double, lower::double, upper::double, unit from fct_figure where {OURS} and repair = 'match_cap'"
    ) == [("published_figures:F123", 14.5, 145_000, 145_000, 146_000, "元")]
    assert published(f"select count(*) from fct_figure where {OURS} and (value != raw_value) != (repair is not null)") == [(0,)]


def test_a_period_without_an_end_has_none(installation: Path) -> None:
    rows = published(
        "select figure_key[-4:], period_start::varchar, period_end::varchar from fct_figure where figure_key[-4:] in "
        "('F004', 'F059', 'F197', 'F006', 'F481') order by 1"
    )
    assert rows == [
        ("F004", None, "2022-10-01"), ("F006", "2022-11-01", "2022-12-01"), ("F059", "2019-01-01", None),
        ("F197", "2020-05-01", "2021-03-01"), ("F481", None, None),
    ]  # fmt: skip


def test_the_66_golden_figures_are_recomputed(installation: Path) -> None:
    statuses = Counter(dict(published("select golden_id, any_value(status) from figure_recomputed group by golden_id")).values())
    assert statuses == {
        "recomputed": 40, "conflict": 11, "match": 7, "truncated": 2, "plausible": 2, "rounded": 1, "outlier": 1,
        "unit_error": 1, "date_error": 1,
    }  # fmt: skip
    assert published("select count(*) from figure_recomputed where not equals_expected") == [(0,)]


@pytest.mark.parametrize(
    ("golden", "value"),
    [("G01", 29200 / 349), ("G02", 11900 / 120), ("G03", 62.5), ("G06", 2_000_000 / 33_800), ("G30", 140 / 145),
     ("G35", 48_000), ("G48", 3800 / 43), ("G57", 109), ("G60", 74), ("G66", 16)],
)  # fmt: skip
def test_a_golden_figure_has_its_exact_value(installation: Path, golden: str, value: float) -> None:
    ((found,),) = published(f"select value from figure_recomputed where golden_id = '{golden}' and result = 'a'")
    assert found == pytest.approx(value, rel=1e-12)


def test_what_matches_agrees_within_one_unit_of_the_last_printed_digit(installation: Path) -> None:
    rows = published("select golden_id, agrees from figure_recomputed where agrees is not null order by 1")
    assert rows == [
        ("G01", True), ("G02", True), ("G03", True), ("G04", True), ("G05", True), ("G06", True), ("G07", True), ("G08", True),
        ("G09", True), ("G13", False), ("G31", False), ("G53", True),
    ]  # fmt: skip


def test_every_contradiction_is_published_with_both_assertions(installation: Path) -> None:
    rows = {
        row[0]: row[1:]
        for row in published("select golden_id, first_value, first_unit, second_value, second_unit from figure_conflict")
    }
    assert sorted(rows) == ["G04", "G13", "G30", "G31", "G34", "G46", "G47", "G49", "G50", "G53", "G60", "G63", "G66"]
    assert rows["G13"] == (14_000, "人", 14_390, "人")
    assert rows["G30"] == (14.5, "元", 145_000, "元")
    assert rows["G47"] == (300, "人", 300, "户")


def test_reported_figures_enter_no_kpi(installation: Path) -> None:
    assert published("select count(*) from kpi_value inner join dim_place using (place_key) where tree = 'published_places'") == [
        (0,)
    ]


def test_no_passage_of_a_publication_is_carried_over() -> None:
    for row in delivered():
        assert not set("“”‘’「」。！？") & set("".join(row.values())), row
        assert len(row["数字"]) <= 10, row
