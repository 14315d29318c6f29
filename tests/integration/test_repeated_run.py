"""Whether a run has anything to build: only while everything that decides what is published is as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from exports import versions
from exports.publication import nothing_new, publish
from ingest import inputs, warehouse
from tests.conftest import PROJECT
from tests.integration.test_publication import build_toy


def build(run_id: str, more: int = 0) -> None:
    """A toy build that has written down what it was made from, as `ingest.build` does."""
    build_toy(run_id, more)
    with warehouse.writer("test") as connection:
        connection.execute("update ops.run set inputs = ? where run_id = ?", [inputs.digest(connection), run_id])


@pytest.fixture
def project(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GIVEN a published run in an installation with a project of its own. Returns the dbt project."""
    folder = tmp_path / "project" / "dbt_project"
    shutil.copytree(PROJECT / "dbt_project", folder, ignore=shutil.ignore_patterns("target", "logs"))
    monkeypatch.setattr("ingest.settings.__file__", str(folder.parent / "ingest" / "settings.py"))
    build("first")
    publish("first")
    return folder


def test_nothing_is_new_right_after_a_publication(project: Path) -> None:
    assert nothing_new() == versions.versions()[0].name


def test_something_is_new_where_nothing_was_published(home: Path) -> None:
    build("first")
    assert nothing_new() is None


@pytest.mark.parametrize(
    "statement",
    [
        "update ops.batch set status = 'accepted' where status = 'blocked'",
        "update ops.batch set loaded_at = now() where status = 'accepted'",
        "update ops.batch set status = 'blocked' where status = 'accepted'",
        "update ops.file set as_of = date '2026-10-01'",
        "update ops.file set delivered_at = now()",
        "insert into ops.quarantine by name select batch_id, source, file_id, 7 as row_no from ops.batch limit 1",
        "insert into ops.correction_outcome by name select batch_id, 'c1' as correction_id from ops.batch limit 1",
        "insert into ops.gate_result by name select 'raw' as gate, batch_id, false as success from ops.batch limit 1",
        "insert into ops.run values ('failed', now(), 'v9.9', (select max(inputs) from ops.run))",
        "insert into ops.run values ('of a part', now(), 'v9.9', null)",
        "insert into ops.gate_result by name select * replace (now() as checked_at) from ops.gate_result limit 1",
        "update ops.gate_result set success = false, severity = 'critical' where gate = 'marts'",
        "update ops.gate_result set superseded_at = now() where gate = 'marts'",
    ],
    ids=[
        "accepted", "loaded-again", "blocked", "as-of", "delivered-again", "quarantined", "corrected", "gated-otherwise",
        "a-build-failed", "a-part-was-built", "gated-since", "gate-failed", "gate-crashed",
    ],
)  # fmt: skip
def test_a_ledger_that_says_something_else_is_new(project: Path, statement: str) -> None:
    with warehouse.writer("test") as connection:
        connection.execute(statement)
    assert nothing_new() is None


def test_a_blocked_file_that_was_tried_again_in_vain_is_not_new(project: Path) -> None:
    with warehouse.writer("test") as connection:
        connection.execute("update ops.batch set loaded_at = now(), gated_at = now() where status = 'blocked'")
    assert nothing_new()


def _change(path: str) -> Callable[[Path, pytest.MonkeyPatch], None]:
    return lambda project, _: (project / path).open("a").write("\n")


@pytest.mark.parametrize(
    "change",
    [
        _change("models/kpis/kpi_value.sql"), _change("models/staging/issue_ledger/_issue_ledger__sources.yml"),
        _change("seeds/correction.csv"), _change("seeds/place_alias.csv"), _change("seeds/metric_catalogue.csv"),
        lambda project, _: (project / "seeds" / "target.csv").rename(project / "seeds" / "targets.csv"),
        lambda _, patch: patch.setenv("GMW_DBT_VARS", "{suppression_k: 6}"),
        lambda _, patch: patch.setitem(inputs.__dict__, "version", lambda name: "0"),
    ],
    ids=["model", "declaration", "correction", "alias", "catalogue", "renamed", "variable", "software"],
)  # fmt: skip
def test_another_project_is_new(project: Path, monkeypatch: pytest.MonkeyPatch, change: Callable) -> None:
    change(project, monkeypatch)
    assert nothing_new() is None


def test_other_code_is_new(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in inputs.PACKAGES:
        shutil.copytree(PROJECT / name, tmp_path / "code" / name)
    monkeypatch.setattr(inputs, "__file__", str(tmp_path / "code" / "ingest" / "inputs.py"))
    assert nothing_new()
    with open(tmp_path / "code" / "expectations" / "kpi_rules.py", "a", encoding="utf-8") as file:
        file.write("# Another rule.\n")
    assert nothing_new() is None


def test_another_day_is_new(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Tomorrow(inputs.datetime):
        @classmethod
        def now(cls, zone: object = None) -> inputs.datetime:
            return inputs.datetime(2999, 1, 1, tzinfo=zone)

    monkeypatch.setattr(inputs, "datetime", Tomorrow)
    assert nothing_new() is None


def test_after_a_rollback_everything_is_new(project: Path) -> None:
    first = versions.versions()[0].name
    build("second", more=1)
    publish("second")
    assert nothing_new()
    versions.rollback(first)
    assert nothing_new() is None


def test_a_version_that_is_damaged_is_new(project: Path) -> None:
    (versions.versions()[0].path / "marts.duckdb").unlink()
    assert nothing_new() is None
