"""The demonstration district: every KPI of the warehouse has the true value that its generator wrote down."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

import duckdb

from ingest import warehouse
from samples.truth import true_kpis
from samples.truth.common import Figures, Key
from samples.world import World

COMPUTED = """
    select metric_code, place_code, period_type, if(period_type = 'all', null, period_start), breakdown_type, breakdown_value, currency,
        value, numerator, denominator, n
    from kpis.kpi_computed
    inner join intermediate.int_place using (place_key)
    where tree = 'qinghe_district'
"""
NAMES = ("value", "numerator", "denominator", "n")


def computed(connection: duckdb.DuckDBPyConnection) -> dict[Key, dict]:
    """The KPIs of the warehouse before small numbers are hidden."""
    rows = connection.execute(COMPUTED).fetchall()
    found = {row[:7]: dict(zip(NAMES, row[7:])) for row in rows}
    assert len(found) == len(rows), "a KPI has two rows"
    return found


def is_same(expected: object, found: float | None) -> bool:
    """Equal within 1e-9, None only to None."""
    if expected is None or found is None:
        return expected is None and found is None
    return math.isclose(float(expected), found, rel_tol=1e-9, abs_tol=1e-9)


def differences(truth: dict[Key, Figures], found: dict[Key, dict]) -> dict[str, list[str]]:
    """Metric → what differs. No row says the same as a count of 0 and as a rate without a base."""
    wrong: dict[str, list[str]] = defaultdict(list)
    for key, figures in truth.items():
        have = found.get(key)
        if have is None:
            if figures["value"]:
                wrong[key[0]].append(f"{key[1:]}: expected {readable(figures)}, found no row")
            continue
        for name, figure in figures.items():
            if not is_same(figure, have[name]) and not (name == "value" and not figure and not have[name] and have["denominator"] is None):
                wrong[key[0]].append(f"{key[1:]}: {name} expected {readable(figures)}, found {have}")
                break
    covered = {key[0] for key in truth}
    for key, have in found.items():
        if key[0] in covered and key not in truth and have["value"]:
            wrong[key[0]].append(f"{key[1:]}: expected no row, found {have}")
    return wrong


def readable(figures: Figures) -> dict[str, object]:
    """Figures as floats."""
    return {name: None if figure is None else float(figure) for name, figure in figures.items()}


def test_every_kpi_has_its_true_value(installation: Path, world: World) -> None:
    truth = dict(true_kpis(world))
    with warehouse.reader() as connection:
        wrong = differences(truth, computed(connection))
    told = "\n".join(f"{metric}: {len(found)}, e.g. {found[0]}" for metric, found in sorted(wrong.items()))
    assert not wrong, f"{sum(map(len, wrong.values()))} of {len(truth)} differ:\n{told}"


def test_every_metric_of_the_catalogue_has_a_value_and_a_true_one(installation: Path, world: World) -> None:
    told = {key[0] for key, figures in true_kpis(world) if figures["value"] is not None}
    with warehouse.reader() as connection:
        catalogue = {row[0] for row in connection.execute("select metric_code from seeds.metric_catalogue").fetchall()}
        valued = {row[0] for row in connection.execute("select distinct metric_code from kpis.kpi_computed where value is not null").fetchall()}
    assert catalogue - valued == set(), "no value"
    assert catalogue - told == set(), "no true value"
