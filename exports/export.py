"""Export: the current publication as files that people and programs open, for each audience in a folder of its own."""

from __future__ import annotations

import os
from pathlib import Path

from exports import figures, machine_files, version_folder
from ingest.settings import settings


def folder_of(audience: str) -> Path:
    """Where the exports of an audience are: what lies below the one of the public may be served to everybody."""
    return settings().exports / "public" if audience == "public" else settings().exports


def export(audience: str = "internal") -> list[Path]:
    """Write workbook, page and the files for programs of the current publication to exports/<version>/, and switch
    exports/current to it; for the public below exports/public/.

    Only the published copy is read. Safe to run again: the files of a version are replaced one by one, atomically.
    The newest 12 exports are kept.

    Args: audience: internal or public: they differ in what is suppressed.
    Returns: the paths of the files. Raises: publication.NothingPublished when there is no current version.
    """
    from exports import dashboard, workbook  # they load charting libraries

    folder = folder_of(audience)
    folder.mkdir(parents=True, exist_ok=True)
    version_folder.remove_stale(folder)
    with figures.current(audience) as published:
        partial = version_folder.partial(folder, published.version)
        partial.mkdir()
        machine_files.write(published, partial)
        workbook.write(published, partial / "kpi.xlsx")
        dashboard.write(published, partial / "index.html")
        machine_files.write_manifest(published, partial)
        version_folder.make_durable(partial)
        target = folder / published.version
        target.mkdir(exist_ok=True)
        paths = [target / file.name for file in sorted(partial.iterdir())]
        for path in paths:
            os.replace(partial / path.name, path)
        version_folder.fsync(target)
        partial.rmdir()
        version_folder.switch(folder, published.version)
    version_folder.prune(folder)
    return paths
