"""The demonstration district: every KPI of the warehouse has the true value that its generator wrote down."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest import warehouse
from samples.compare import compare
from tests.conftest import Sample


def test_every_kpi_has_its_true_value(installation: Path, sample: Sample) -> None:
    with warehouse.reader() as connection:
        claimed, wrong = compare(connection, sample.raw.parent / "truth" / "kpi_truth.csv")
    assert claimed > 400_000
    assert not wrong, "\n".join(f"{metric}: {keys} differ, e.g. {example}" for metric, keys, example in wrong)


def test_every_metric_of_the_catalogue_has_a_value_and_a_true_one(installation: Path, sample: Sample) -> None:
    with warehouse.reader() as connection:
        missing = connection.execute(
            """
            select metric_code,
                metric_code in (select metric_code from kpis.kpi_computed where value is not null) as has_a_value,
                metric_code in (select metric_code from read_csv(?, all_varchar = true) where value != 'none') as has_a_true_one
            from seeds.metric_catalogue
            where not (has_a_value and has_a_true_one)
            """,
            [str(sample.raw.parent / "truth" / "kpi_truth.csv")],
        ).fetchall()
    assert missing == []


@pytest.mark.parametrize(
    ("changed", "added"),
    [
        ("R02,990101,all,,none,total,,0.123,,,", ""),
        ("R02,990101,all,,none,total,,none,,,", ""),
        ("", "R02,990101,month,2019-01-01,none,total,,0.5,1,2,2"),
        ("", None),
    ],
    ids=["another value", "no base", "a period without rows", "a row that should not be there"],
)
def test_a_false_figure_is_found(installation: Path, sample: Sample, tmp_path: Path, changed: str, added: str | None) -> None:
    lines = (sample.raw.parent / "truth" / "kpi_truth.csv").read_text(encoding="utf-8").splitlines()
    (number,) = [number for number, line in enumerate(lines) if line.startswith("R02,990101,all,,none,total,")]
    if changed or added is None:
        lines[number : number + 1] = [changed] if changed else []
    truth = tmp_path / "kpi_truth.csv"
    truth.write_text("\n".join([*lines, *([added] if added else [])]) + "\n", encoding="utf-8")
    with warehouse.reader() as connection:
        _, wrong = compare(connection, truth)
    assert [(metric, keys) for metric, keys, _ in wrong] == [("R02", 1)]
