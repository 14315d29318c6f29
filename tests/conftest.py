"""Fixtures that every test may use: an installation of its own, in a temporary folder."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest import warehouse
from samples.make_samples import write_all
from samples.world import World
from tests import parsed as parsed_project
from tests.parsed import ParsedProject

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


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the processes that share the tests share, too: the first one that asks makes it, the others wait for that.

    Args: name: of the folder. make: fills the folder, which is empty; when that fails, the next one that asks begins anew.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made_once" / name
    folder.parent.mkdir(exist_ok=True)
    with open(folder.with_name(f"{name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (is_whole := folder.with_name(f"{name}.whole")).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            is_whole.touch()
    return folder


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """GIVEN the demonstration district, written once for all tests."""

    def write(folder: Path) -> None:
        (folder / "world.pickle").write_bytes(pickle.dumps(write_all(folder)))

    folder = made_once(tmp_path_factory, "samples", write)
    return Sample(folder / "raw", pickle.loads((folder / "world.pickle").read_bytes()))


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> ParsedProject:
    """GIVEN the project as dbt has read it, for the installation of a test to begin with."""

    def parse(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            use_installation(folder / "home", folder / "drop", patch)
            parsed_project.parse(folder / "kept")

    return parsed_project.read(made_once(tmp_path_factory, "parsed", parse) / "kept")


def use_installation(home: Path, drop: Path, patch: pytest.MonkeyPatch) -> None:
    """Let `home` be the installation, and `drop` the place where files arrive."""
    patch.setenv("GMW_HOME", str(home))
    patch.setenv("GMW_DROP_FOLDER", str(drop))
    patch.setenv("GMW_PERSON_KEY_SECRET", SECRET)
    patch.delenv("GMW_EXAMPLES_FOLDER", raising=False)
    patch.delenv("GMW_DBT_VARS", raising=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GIVEN an empty installation with an empty drop folder. Returns GMW_HOME; the drop folder is `home.parent/drop`."""
    folder = tmp_path / "home"
    (tmp_path / "drop").mkdir()
    use_installation(folder, tmp_path / "drop", monkeypatch)
    return folder


@pytest.fixture
def drop(home: Path) -> Path:
    """The drop folder of the installation."""
    return home.parent / "drop"


def rows_of(query: str) -> list[tuple]:
    """The rows of a query on the build database."""
    with warehouse.reader() as connection:
        return connection.execute(query).fetchall()
