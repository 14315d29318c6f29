"""Every figure ever published, by version: what each version changed, kept when the version itself is deleted.

A version's `history.parquet` has one row per figure that is new, gone or another one than in the version it was compared with
(of the first one: every figure). It becomes whole together with its version, by one rename; `published/history/<version>/` gets a
second link to it and to the manifest afterwards, which a crash can only delay. So nothing is in the history that was no version.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from exports import version_folder

HISTORY = "history"
HISTORY_FILE = "history.parquet"
MANIFEST = "manifest.json"


def keep(published: Path) -> list[str]:
    """Put what the versions have changed where it outlives them. Safe to run again.

    Args: published: the folder of the versions. Returns: the versions whose history was added.
    """
    folder = published / HISTORY
    added = []
    for version in version_folder.names(published):
        if (folder / version).exists():
            continue
        if not folder.is_dir():
            folder.mkdir()
            version_folder.fsync(published)
        partial = version_folder.partial(folder, version)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        # A version of before there was a history: all its figures.
        whole = () if (published / version / HISTORY_FILE).is_file() else ("parquet/kpi_value.parquet",)
        for name in (MANIFEST, *(whole or (HISTORY_FILE,))):
            _link(published / version / name, partial / Path(name).name)
        version_folder.fsync(partial)
        os.rename(partial, folder / version)
        version_folder.fsync(folder)
        added.append(version)
    return added


def _link(source: Path, target: Path) -> None:
    """A second name for a file; a copy where the file system has no such names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
        version_folder.fsync(target)
