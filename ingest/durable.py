"""What has to outlive a power cut: files and folders forced to the disk before anything refers to them."""

from __future__ import annotations

import os
from pathlib import Path


def fsync(path: Path) -> None:
    """Force one file, or the names in one folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_folders(files: list[Path], top: Path) -> None:
    """Force the names of files to the disk: every folder from that of each file up to `top`, each once."""
    folders = {folder for file in files for folder in file.parents if folder == top or top in folder.parents}
    for folder in sorted(folders, key=lambda folder: len(folder.parts), reverse=True):
        fsync(folder)
