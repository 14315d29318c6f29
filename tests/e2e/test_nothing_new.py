"""The demonstration district run once more, with no new file: nothing is built, published or written again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from exports.versions import versions
from ingest.cli import app
from tests.conftest import rows_of, use_installation


def state(home: Path) -> tuple:
    """What a run leaves: versions, files of the exports and when they were written, builds, results of gates."""
    exported = {path.relative_to(home): path.stat().st_mtime_ns for path in (home / "exports").rglob("*") if path.is_file()}
    return (
        [version.name for version in versions()], exported, rows_of("select run_id, started_at from ops.run order by all"),
        rows_of("select gate, count(*), max(checked_at) from ops.gate_result group by all order by all"),
    )  # fmt: skip


@pytest.fixture
def home(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GIVEN a copy of the demonstration district, run once."""
    shutil.copytree(built / "home", tmp_path / "home", symlinks=True)
    use_installation(tmp_path / "home", built / "drop", monkeypatch)
    return tmp_path / "home"


def test_a_run_without_new_files_leaves_everything_as_it_is(home: Path) -> None:
    before = state(home)
    outcome = CliRunner().invoke(app, ["run"], catch_exceptions=False)
    assert outcome.exit_code == 0
    assert f"nothing new since version {versions()[0].name}" in outcome.output
    assert state(home) == before


def test_exports_that_were_not_written_to_the_end_are_written_without_a_build(home: Path) -> None:
    before = state(home)
    (home / "exports" / "current").unlink()
    assert CliRunner().invoke(app, ["run"], catch_exceptions=False).exit_code == 0
    after = state(home)
    assert after[0] == before[0] and after[2:] == before[2:]
    assert (home / "exports" / "current").resolve().name == versions()[0].name
