"""The demonstration district, run once for all tests that look at its figures."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from ingest.run import run_all
from samples.world import World
from tests.conftest import SECRET, Sample


@pytest.fixture(scope="session")
def built(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GIVEN the demonstration files. WHEN everything runs once, without a scheduler: `home`, for tests to copy, and `drop`, where
    the files lie and stay as they are.

    Processes that share the tests share it, too: the first one builds it.
    """
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "built_district"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "home").exists():
            shutil.copytree(sample.raw, folder / "drop")
            with pytest.MonkeyPatch.context() as patch:
                use_installation(folder / "making", folder / "drop", patch)
                assert run_all("first", None, lambda step: None, print) == []
            os.rename(folder / "making", folder / "home")
    return folder


def use_installation(home: Path, drop: Path, patch: pytest.MonkeyPatch) -> None:
    """Let `home` be the installation, and `drop` the place where files arrive."""
    patch.setenv("GMW_HOME", str(home))
    patch.setenv("GMW_DROP_FOLDER", str(drop))
    patch.setenv("GMW_PERSON_KEY_SECRET", SECRET)
    patch.delenv("GMW_DBT_VARS", raising=False)


@pytest.fixture(scope="package")
def installation(built: Path, tmp_path_factory: pytest.TempPathFactory):
    """GIVEN a copy of the demonstration district, run once."""
    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(built / "home", folder / "home", symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        use_installation(folder / "home", built / "drop", patch)
        yield folder


@pytest.fixture(scope="session")
def world(sample: Sample) -> World:
    """What is true of the demonstration district."""
    return sample.world
