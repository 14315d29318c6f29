"""The demonstration district, run once for all tests that look at its figures."""

from __future__ import annotations

import shutil

import pytest

from ingest.run import run_all
from samples.world import World
from tests.conftest import SECRET, Sample


@pytest.fixture(scope="package")
def installation(sample: Sample, tmp_path_factory: pytest.TempPathFactory):
    """GIVEN the demonstration files. WHEN everything runs once, without a scheduler."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("sample")
        shutil.copytree(sample.raw, home / "drop")
        patch.setenv("GMW_HOME", str(home / "home"))
        patch.setenv("GMW_DROP_FOLDER", str(home / "drop"))
        patch.setenv("GMW_PERSON_KEY_SECRET", SECRET)
        patch.delenv("GMW_DBT_VARS", raising=False)
        assert run_all("first", None, lambda step: None, print) == []
        yield home


@pytest.fixture(scope="session")
def world(sample: Sample) -> World:
    """What is true of the demonstration district."""
    return sample.world
