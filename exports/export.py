"""Export: the current publication as files that people open: kpi.csv, kpi.xlsx, index.html."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from exports import figures, version_folder
from ingest import limits, lineage, warehouse
from ingest.durable import fsync
from ingest.settings import settings
from ingest.sql import literal

# Columns of kpi.csv: kpi_value with the names of the catalogue and of the place beside the codes.
CSV_TEXT = (
    "metric_code", "name_zh", "name_en", "family", "tree", "place_key", "place_name", "place_name_en", "place_level",
    "place_path", "period_type", "breakdown_type", "breakdown_value", "breakdown_label", "unit", "currency", "status",
    "run_id",
)  # fmt: skip
CSV_COLUMNS = (
    "metric_code", "name_zh", "name_en", "family", "definition_version", "tree", "place_key", "place_name",
    "place_name_en", "place_level", "place_path", "period_type", "period_start", "period_end", "breakdown_type",
    "breakdown_value", "breakdown_label", "value_display", "value", "lower", "upper", "n", "numerator", "denominator",
    "unit", "currency", "status", "as_of", "run_id",
)  # fmt: skip
# A cell that starts with one of these is a formula to a spreadsheet, also in full width and after white space.
FORMULA_START = r"^\s*[=+\-@＝＋－＠]|^[\t\r\n]"


@lineage.traced("export", "exported")
@limits.explained("export")
def export() -> list[Path]:
    """Write kpi.csv, kpi.xlsx and index.html of the current publication to exports/<version>/, and switch
    exports/current to it.

    Only the published copy is read. Safe to run again: the files of a version are replaced one by one, atomically.
    One export at a time: another one waits. The newest GMW_KEEP_VERSIONS exports are kept.

    Returns: the paths of the files. Raises: publication.NothingPublished when there is no current version; WarehouseBusy;
    DiskFull, OutOfMemory: what was exported before stays as it is.
    """
    from exports import dashboard, workbook  # they load charting libraries

    folder = settings().exports
    folder.mkdir(parents=True, exist_ok=True)
    with (
        warehouse.lock("export", path=folder / ".lock"),
        version_folder.tidied(folder),
        figures.current() as published,
    ):
        partial = version_folder.partial(folder, published.version)
        partial.mkdir()
        write_csv(published, partial / "kpi.csv")
        workbook.write(published, partial / "kpi.xlsx")
        dashboard.write(published, partial / "index.html")
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


def switch_to(version: str) -> bool:
    """Show the exports of a version that was exported before. Returns: whether there are any."""
    folder = settings().exports
    if not (folder / version).is_dir():
        return False
    with version_folder.guard(folder):
        version_folder.switch(folder, version)
    return True


def write_csv(published: figures.Published, path: Path) -> None:
    """Every row of kpi_value as CSV: UTF-8 with a byte order mark (Excel needs it), numbers unrounded and, in
    `value_display`, as people see them; text that a spreadsheet would run as a formula has an apostrophe before it."""
    columns = ", ".join(
        f"case when regexp_matches({name}, '{FORMULA_START}') then '''' || {name} else {name} end as {name}"
        if name in CSV_TEXT
        else f'"{name}"'
        for name in CSV_COLUMNS
    )
    plain = path.with_suffix(".plain")
    published.connection.execute(
        f"copy (select {columns} from figure order by {figures.ORDER}) to {literal(str(plain))} (format csv, header)"
    )
    with open(plain, "rb") as source, open(path, "wb") as target:
        target.write(b"\xef\xbb\xbf")
        shutil.copyfileobj(source, target)
    plain.unlink()
