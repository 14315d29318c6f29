"""Fixtures that every test may use: an installation of its own, in a temporary folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest import warehouse
from samples.make_samples import write_all
from samples.world import World

PROJECT = Path(__file__).resolve().parents[1]
# What takes longest starts first: then no process is left alone with it at the end.
LONGEST_FIRST = (
    "tests/e2e/test_scheduler_run.py", "tests/e2e", "tests/integration", "tests/dbt", "tests/unit/test_hostile_files.py", "tests",
)  # fmt: skip
SECRET = "a secret of the tests, long enough to be taken"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files of tests that take longest first, each file in its own order."""

    def rank(item: pytest.Item) -> int:
        path = item.path.relative_to(PROJECT).as_posix()
        return next(number for number, start in enumerate(LONGEST_FIRST) if path.startswith(start))

    items.sort(key=rank)


@dataclass(frozen=True)
class Sample:
    """The demonstration district: its raw files, one folder per source, and what is true of it."""

    raw: Path
    world: World


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """GIVEN the demonstration district, written once for all tests."""
    folder = tmp_path_factory.mktemp("samples")
    return Sample(folder / "raw", write_all(folder))


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


def rows_of(query: str) -> list[tuple]:
    """The rows of a query on the build database."""
    with warehouse.reader() as connection:
        return connection.execute(query).fetchall()
