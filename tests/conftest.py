"""Fixtures that every test may use: an installation of its own, in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
SECRET = "a secret of the tests, long enough to be taken"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GIVEN an empty installation with an empty drop folder. Returns GMW_HOME; the drop folder is `home.parent/drop`."""
    folder = tmp_path / "home"
    (tmp_path / "drop").mkdir()
    monkeypatch.setenv("GMW_HOME", str(folder))
    monkeypatch.setenv("GMW_DROP_FOLDER", str(tmp_path / "drop"))
    monkeypatch.setenv("GMW_PERSON_KEY_SECRET", SECRET)
    monkeypatch.delenv("GMW_EXAMPLES_FOLDER", raising=False)
    monkeypatch.delenv("GMW_DBT_VARS", raising=False)
    return folder


@pytest.fixture
def drop(home: Path) -> Path:
    """The drop folder of the installation."""
    return home.parent / "drop"
