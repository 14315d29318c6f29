"""The benchmark works, and what it loads is what it generated. No time is asserted here."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import load, workload


def test_a_short_benchmark_measures_every_case_and_finds_every_row(tmp_path: Path) -> None:
    table = load.measure_all(tmp_path, rows=20_000, workbook_rows=500, repetitions=1)
    for case, title in load.TITLES.items():
        assert f"| {title} | {500 if case == 'bench_activity_workbook' else 20_000:,} |" in table


def test_a_load_that_changes_a_value_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = workload.activities
    monkeypatch.setattr(workload, "write", _write_with_another_town)
    with pytest.raises(AssertionError, match="bench_activity: expected"):
        load.measure_all(tmp_path, rows=1000, workbook_rows=10, repetitions=1)
    assert workload.activities is whole


def _write_with_another_town(folder: Path, rows: int, workbook_rows: int, write=workload.write) -> None:
    write(folder, rows, workbook_rows)
    path = folder / workload.FILES["bench_activity"]
    path.write_text(path.read_text(encoding="utf-8").replace("北山镇", "南山镇", 1), encoding="utf-8")
