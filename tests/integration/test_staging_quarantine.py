"""What a build cannot use leaves quarantine when an alias, a correction or a newer file has mended it; its history stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from expectations import gate
from ingest import staging_quarantine
from ingest.build import build
from ingest.cli import app
from ingest.landing import land
from ingest.load import load
from tests.conftest import PROJECT, rows_of
from tests.parsed import ParsedProject
from tests.unit.arriving import ROW, issue_file

REGISTER = (
    "级别,名称,上级,上级编号,区划代码,编号,类型,英文名,起始日期,终止日期\n区,青禾区,,,990101,,市辖区,,,\n"
    "镇街,云溪镇,青禾区,990101,990101101,,镇,,,\n社区,和畅社区,云溪镇,990101101,990101101001,,城市社区,,,\n"
    "小区,银杏里,和畅社区,990101101001,,XQ-1,商品房,,,\n"
)
NEEDED = "+int_unplaced_row +quality_rejected_row"
PLACES = "select place_match from intermediate.int_case order by row_no"
HISTORY = "select row_no, reason, raw_value, resolution, closed_by from ops.quarantine_history order by all"
WHEN = "2026-01-14 19:28"


@pytest.fixture
def project(home: Path, parsed: ParsedProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GIVEN a project whose seeds a test may change."""
    shutil.copytree(PROJECT / "dbt_project", tmp_path / "project" / "dbt_project", ignore=shutil.ignore_patterns("target", "logs"))
    monkeypatch.setattr("ingest.settings.__file__", str(tmp_path / "project" / "ingest" / "settings.py"))
    parsed.put_into(home, tmp_path / "project" / "dbt_project")
    monkeypatch.setenv("GMW_CODE_VERSION", "test")
    monkeypatch.setenv("DBT_INDIRECT_SELECTION", "empty")
    return tmp_path / "project" / "dbt_project"


def arrive(source: str) -> None:
    land(source)
    load(source)
    gate.gate_raw(source, "arrival")


def gmw(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "400"})
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.output


def test_a_row_leaves_quarantine_when_an_alias_or_a_correction_was_added_and_its_history_stays(drop: Path, project: Path) -> None:
    (drop / "place_register").mkdir()
    (drop / "place_register" / "小区台账_2026-09.csv").write_text(REGISTER, encoding="utf-8")
    good = ROW.format(1, "")
    misspelt, unreadable = ROW.format(2, "").replace("银杏里", "银否里"), ROW.format(3, "").replace(WHEN, "年初某天")
    issue_file(drop, "诉求台账_2026-01.csv", good, misspelt, unreadable, ROW.format(4, "").replace("银杏里", "远方"))
    arrive("place_register")
    arrive("issue_ledger")
    build("first", NEEDED)
    assert rows_of(PLACES) == [("name",), ("parent",), ("parent",)] and rows_of(HISTORY) == []
    said = gmw("quarantine")
    assert "诉求台账_2026-01.csv row 2, found" in said and "'银否里'" in said
    assert "诉求台账_2026-01.csv row 3, found" in said and "'年初某天'" in said

    with open(project / "seeds" / "place_alias.csv", "a", encoding="utf-8") as seed:
        seed.write("qinghe_district,,银否里,银杏里,typo\n")
    with open(project / "seeds" / "correction.csv", "a", encoding="utf-8") as seed:
        seed.write(f"T-1,issue_ledger,诉求台账_2026-01.csv,3,,,collected_at,年初某天,{WHEN},asked,data team,2026-04-02\n")
    assert "replayed, accepted now" in gmw("replay", "--why", "asked by telephone")
    build("second", NEEDED)
    assert rows_of(PLACES) == [("name",), ("name",), ("name",), ("parent",)]
    mended = [
        (2, "unknown_place (case)", "银否里", "repaired", "second"),
        (3, "unreadable_collected_at (case)", None, "repaired", "second"),
    ]
    assert rows_of(HISTORY) == mended
    assert rows_of("select row_no, reason from ops.staging_quarantine") == [(4, "unknown_place")]
    assert "row 2: unknown_place (case), found '银否里'; since" in gmw("quarantine", "--history")

    staging_quarantine.note("third")
    assert rows_of(HISTORY) == mended
