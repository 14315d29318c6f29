"""Finds processes by the folder they work in: a process may rename itself, as Airflow's do, but stays where it is."""

from __future__ import annotations

from pathlib import Path

import psutil


def working_in(folder: Path) -> list[psutil.Process]:
    """The processes whose working directory is in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
