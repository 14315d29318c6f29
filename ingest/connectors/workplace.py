"""Temporary folders of the connectors, on the disk of the installation."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.settings import settings

LONGEST_LANDING_SECONDS = 24 * 3600


@contextmanager
def workplace(source_name: str) -> Iterator[Path]:
    """A new folder under $GMW_HOME/arriving that is gone when the block ends, with what killed runs have left there."""
    parent = settings().home / "arriving"
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.iterdir():
        if left.stat().st_mtime < time.time() - LONGEST_LANDING_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f"{source_name}-") as folder:
        yield Path(folder)
