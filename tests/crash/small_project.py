"""The smallest real installation that passes every step: the real models, four sources, a few files."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import PROJECT, SECRET

# A workbook, personal data, delivery by period, a snapshot.
SOURCES = ("activity_ledger", "issue_ledger", "place_register", "population_register")
# What has been published before, and what arrives then.
FIRST = ("*/*2025-12*", "place_register/*")
THEN = ("*/*2026-01*", "issue_ledger/*2026-02*", "activity_ledger/*2026-02*")


def make_project(folder: Path) -> Path:
    """A copy of the dbt project with the models of four sources, without data tests: they read, and would take most of the time.

    Returns: the folder that stands for the checkout.
    """
    shutil.copytree(PROJECT / "dbt_project", folder / "dbt_project", ignore=shutil.ignore_patterns("target", "logs"))
    for source in (folder / "dbt_project" / "models" / "staging").iterdir():
        if source.is_dir() and source.name not in SOURCES:
            shutil.rmtree(source)
    with open(folder / "dbt_project" / "dbt_project.yml", "a", encoding="utf-8") as file:
        file.write("\ndata_tests:\n  +enabled: false\n")
    return folder


def deliver(raw: Path, drop: Path, patterns: tuple[str, ...]) -> None:
    """Put files of the demonstration district into the drop folder."""
    for path in sorted({path for pattern in patterns for path in raw.glob(pattern) if path.parent.name in SOURCES}):
        (drop / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, drop / path.parent.name)


def copy_home(source: Path, target: Path) -> None:
    """Copy an installation, quickly where the file system can."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)


@contextmanager
def using(project: Path, home: Path, drop: Path) -> Iterator[None]:
    """Let this process work on an installation of that project."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.settings.__file__", str(project / "ingest" / "settings.py"))
        patch.setenv("GMW_HOME", str(home))
        patch.setenv("GMW_DROP_FOLDER", str(drop))
        patch.setenv("GMW_PERSON_KEY_SECRET", SECRET)
        for name in [name for name in os.environ if name in ("GMW_DBT_VARS", "GMW_EXAMPLES_FOLDER", "GMW_MEMORY_LIMIT")]:
            patch.delenv(name)
        yield
