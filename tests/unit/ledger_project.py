"""A project with one declared source, `ledger`: its declaration and the corrections are written by the test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from expectations import gate
from ingest import load as loader
from ingest.corrections import Correction
from ingest.landing import land
from tests.conftest import PROJECT
from tests.declaring import write_declaration

COLUMNS = {
    "entry_no": {"header": ["编号"], "not_null": True, "severity": "critical"},
    "people": {"header": ["人数"], "type": "integer"},
    "day": {"header": ["日期"], "type": "date"},
    "topic": {"header": ["主题"]},
}
PERSONAL = {"name": {"header": ["姓名"], "personal": "person"}, "remark": {"header": ["备注"], "free_text": True}}
FIELDS = list(Correction.model_fields)
DONE = {"reason": "asked by telephone", "corrected_by": "data team", "corrected_on": "2026-11-20"}


class Ledger:
    """The project, and what a data engineer does with it."""

    def __init__(self, folder: Path, drop: Path) -> None:
        self.folder, self.drop = folder, drop / "ledger"
        self.drop.mkdir(parents=True, exist_ok=True)
        self.seed = folder / "dbt_project" / "seeds" / "correction.csv"
        self.seed.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / "dbt_project" / "dbt_project.yml", folder / "dbt_project")
        self.declare()
        self.correct()

    def declare(self, columns: dict[str, dict] = COLUMNS, **ingest: object) -> None:
        """Write the declaration; `ingest` goes over what it says of the source."""
        said = {
            "delivery": {"mode": "append"}, "max_quarantined_share": 1,
            "connector": {"type": "drop_folder", "root": "drop", "pattern": "ledger/*"}, **ingest,
        }
        write_declaration(self.folder / "dbt_project" / "models" / "staging", "ledger", said, columns)

    def correct(self, *corrections: dict[str, object]) -> None:
        """Write the corrections; what they leave out is empty, or the same for all."""
        lines = [
            {"correction_id": f"C{number}", "source": "ledger", **DONE, **one} for number, one in enumerate(corrections, start=1)
        ]
        rows = [",".join(str(line.get(name, "")) for name in FIELDS) for line in lines]
        self.seed.write_text("\n".join([",".join(FIELDS), *rows]) + "\n", encoding="utf-8")

    def stage(self, sql: str) -> None:
        """Make it a project that dbt builds: one staging model, a table, beside the ledgers and the corrections."""
        project = self.folder / "dbt_project"
        shutil.copytree(PROJECT / "dbt_project" / "macros", project / "macros", dirs_exist_ok=True)
        shutil.copy(PROJECT / "dbt_project" / "profiles.yml", project)
        shutil.copy(PROJECT / "dbt_project" / "models" / "marts" / "_ops__sources.yml", project / "models")
        seeds = yaml.safe_load((PROJECT / "dbt_project" / "seeds" / "_seeds.yml").read_text(encoding="utf-8"))
        seeds["seeds"] = [seed for seed in seeds["seeds"] if seed["name"] == "correction"]
        (project / "seeds" / "_seeds.yml").write_text(yaml.safe_dump(seeds), encoding="utf-8")
        (project / "models" / "staging" / "ledger" / "stg_ledger__activity.sql").write_text(
            "{{ config(materialized='table') }} " + sql, encoding="utf-8"
        )

    def file(self, name: str, *rows: str, header: str = "编号,人数,日期,主题") -> Path:
        """A file in the drop folder."""
        path = self.drop / name
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    def arrive(self) -> list[loader.BatchReport]:
        """Land and load what lies in the drop folder."""
        land("ledger")
        return loader.load("ledger")

    def arrive_and_be_gated(self) -> list[loader.BatchReport]:
        """Land, load and gate what lies in the drop folder."""
        reports = self.arrive()
        gate.gate_raw("ledger", "first")
        return reports


@pytest.fixture
def ledger(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """GIVEN a project whose only source is called `ledger`, with an empty installation."""
    monkeypatch.setattr("ingest.settings.__file__", str(tmp_path / "project" / "ingest" / "settings.py"))
    (tmp_path / "project" / "dbt_project").mkdir(parents=True)
    return Ledger(tmp_path / "project", tmp_path / "drop")
