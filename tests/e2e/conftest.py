"""The demonstration district, run once for all tests that look at its figures."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingest.run import run_all
from samples.world import World
from tests.conftest import Sample, made_once, use_installation
from tests.parsed import ParsedProject


@pytest.fixture(scope="session")
def built(sample: Sample, parsed: ParsedProject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GIVEN the demonstration files. WHEN everything runs once, without a scheduler: `home`, for tests to copy, and `drop`, where
    the files lie and stay as they are."""

    def build(folder: Path) -> None:
        shutil.copytree(sample.raw, folder / "drop")
        parsed.put_into(folder / "home")
        with pytest.MonkeyPatch.context() as patch:
            use_installation(folder / "home", folder / "drop", patch)
            assert run_all("first", None, lambda step: None, print) == []

    return made_once(tmp_path_factory, "built_district", build)


@pytest.fixture(scope="package")
def installation(built: Path, parsed: ParsedProject, tmp_path_factory: pytest.TempPathFactory):
    """GIVEN a copy of the demonstration district, run once."""
    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(built / "home", folder / "home", symlinks=True)
    parsed.put_into(folder / "home")
    with pytest.MonkeyPatch.context() as patch:
        use_installation(folder / "home", built / "drop", patch)
        yield folder


@pytest.fixture(scope="session")
def world(sample: Sample) -> World:
    """What is true of the demonstration district."""
    return sample.world
