"""The benchmark works, and what it loads is what it generated. No time is asserted here."""

from __future__ import annotations

import json
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


def test_sign_ins_are_multiplied_by_other_people_and_keep_what_they_signed_in_to(tmp_path: Path) -> None:
    rows = [{"rowNo": "1", "person": "U1", "household": "H1", "date": "2026-09-01"}, {"rowNo": "2", "person": "U2"}]
    items = [{"itemNo": "A", "title": "会×", "signIns": rows}, {"itemNo": "B", "signIns": []}]
    items += [{"itemNo": "C", "signIns": [{"rowNo": "3"}]}]
    (tmp_path / "签到平台_2026-06.json").write_text(json.dumps({"data": {"list": items}}), encoding="utf-8")
    workload.write_signins(tmp_path, rows=20, rows_per_file=9)
    written = [json.loads(path.read_text(encoding="utf-8"))["data"]["list"] for path in sorted(tmp_path.glob("*_2026-09_*.json"))]
    assert [[(item["itemNo"], len(item["signIns"])) for item in file] for file in written] == [
        [("A", 6), ("C", 3)], [("A", 6), ("C", 3)], [("A", 2), ("C", 0)],
    ]
    signins = [row for file in written for item in file for row in item["signIns"]]
    assert len({row["rowNo"] for row in signins}) == 20
    assert {row["person"][:3] for row in signins if "person" in row} == {"U1-", "U2-"}
    assert written[0][0]["title"] == "会×" and signins[0]["date"] == "2026-09-01"


def _write_with_another_town(folder: Path, rows: int, workbook_rows: int, write=workload.write) -> None:
    write(folder, rows, workbook_rows)
    path = folder / workload.FILES["bench_activity"]
    path.write_text(path.read_text(encoding="utf-8").replace("北山镇", "南山镇", 1), encoding="utf-8")
