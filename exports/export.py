"""Export: the current publication as files that people and programs open, for each audience in a folder of its own."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from exports import figures, machine_files, version_folder
from exports.figures import Published
from ingest import limits, lineage, warehouse
from ingest.durable import fsync
from ingest.settings import settings


def folder_of(audience: str) -> Path:
    """Where the exports of an audience are: what lies below the one of the public may be served to everybody."""
    return settings().exports / "public" if audience == "public" else settings().exports


@lineage.traced("export.{audience}", "exported")
@limits.explained("export")
def export(audience: str = "internal") -> list[Path]:
    """Write workbook, page and the files for programs of the current publication to exports/<version>/, and switch
    exports/current to it; for the public below exports/public/.

    Only the published copy is read. Safe to run again: the files of a version are replaced one by one, atomically.
    One export at a time: another one waits. The newest GMW_KEEP_VERSIONS exports are kept.

    Args: audience: internal or public: they differ in what is suppressed.
    Returns: the paths of the files. Raises: publication.NothingPublished when there is no current version; WarehouseBusy;
    DiskFull, OutOfMemory: what was exported before stays as it is.
    """
    folder = folder_of(audience)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        warehouse.lock("export", path=folder / ".lock"),
        version_folder.tidied(folder),
        figures.current(audience) as published,
    ):
        partial = version_folder.partial(folder, published.version)
        partial.mkdir()
        write_files(published, partial)
        machine_files.write_manifest(published, partial)
        version_folder.make_durable(partial)
        target = folder / published.version
        paths = [target / file.name for file in sorted(partial.iterdir())]
        if not target.exists():
            os.rename(partial, target)  # whole or not at all: a rollback may lead to it
        else:
            for path in paths:
                os.replace(partial / path.name, path)
            partial.rmdir()
            fsync(target)
        with version_folder.guard(folder):
            version_folder.switch(folder, published.version)
        version_folder.prune(folder, settings().keep_versions)
    return paths


def write_files(published: Published, folder: Path) -> None:
    """Write workbook, page and the files for programs into a folder.

    The workbook is Python and keeps one core busy; DuckDB does the others meanwhile.
    """
    from exports import dashboard, workbook  # they load charting libraries

    with figures.beside(published) as other, ThreadPoolExecutor(1) as thread:
        written = thread.submit(workbook.write, other, folder / "kpi.xlsx")
        machine_files.write(published, folder)
        dashboard.write(published, folder / "index.html")
        written.result()


def is_exported(version: str) -> bool:
    """Whether the exports for the inside are those of this version."""
    folder = folder_of("internal")
    return version_folder.current_name(folder) == version and (folder / version).is_dir()


def switch_to(version: str) -> bool:
    """Show the exports of a version that was exported before, to every audience. Returns: whether there are any for the inside."""
    switched = []
    for audience in figures.AUDIENCES:
        folder = folder_of(audience)
        if (folder / version).is_dir():
            with version_folder.guard(folder):
                version_folder.switch(folder, version)
            switched.append(audience)
    return "internal" in switched
