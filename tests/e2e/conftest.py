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
    """GIVEN the demonstration files. WHEN everything runs once, without a scheduler: `home` and `drop`, for tests to copy.

    Processes that share the tests share it, too: the first one builds it.
    """
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "built_district"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "home").exists():
            making = folder / "making"
            with pytest.MonkeyPatch.context() as patch:
                shutil.copytree(sample.raw, making / "drop")
                use_installation(making, patch)
                assert run_all("first", None, lambda step: None, print) == []
            os.rename(making / "drop", folder / "drop")
            os.rename(making / "home", folder / "home")
    return folder


def use_installation(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let `folder/home` be the installation, and `folder/drop` the place where files arrive."""
    patch.setenv("GMW_HOME", str(folder / "home"))
    patch.setenv("GMW_DROP_FOLDER", str(folder / "drop"))
    patch.setenv("GMW_PERSON_KEY_SECRET", SECRET)
    patch.delenv("GMW_DBT_VARS", raising=False)


@pytest.fixture(scope="package")
def installation(built: Path, tmp_path_factory: pytest.TempPathFactory):
    """GIVEN a copy of the demonstration district, run once."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("sample")
        for name in ("home", "drop"):
            shutil.copytree(built / name, folder / name, symlinks=True)
        use_installation(folder, patch)
        yield folder


@pytest.fixture(scope="session")
def world(sample: Sample) -> World:
    """What is true of the demonstration district."""
    return sample.world
