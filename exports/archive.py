"""The archive: what was reported on a month, quarter or year, frozen. Other figures make a new edition, never another old one.

`exports/archive/<period>/edition-<n>/` (for the public below exports/public/) has workbook, page, files for programs and manifest, read-only;
`latest` leads to the newest edition, and `index.html` lists them all, for a plain web server.
"""

from __future__ import annotations

import html
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exports import figures, machine_files, version_folder, words
from exports.export import folder_of, write_files
from exports.figures import Published
from exports.periods import Period, parse_reported
from ingest import limits, warehouse
from ingest.durable import fsync

ARCHIVE, LATEST, INDEX, WORKBOOK = "archive", "latest", "index.html", "kpi.xlsx"
EDITION = re.compile(r"edition-([1-9][0-9]*)")
# What makes figures other ones. Not the run, nor how far the data reach: they may change and leave every figure as it is.
TOLD = (
    "metric_code, definition_version, place_key, period_type, period_start, breakdown_type, breakdown_value, currency, numerator, "
    'denominator, "value", n, "lower", "upper", status'
)


class ArchiveDamaged(RuntimeError):
    """An edition is no longer as it was frozen; the message names the file and what to do."""


@dataclass(frozen=True)
class Edition:
    """One frozen report. `is_new`: it was made just now; an edition with the same figures is not made twice."""

    period: str
    number: int
    folder: Path
    is_new: bool


@limits.explained("archive")
def archive(period: str, audience: str = "internal") -> Edition:
    """Freeze the report on a period, from the current publication.

    Safe to run again: while the figures of the period are those of its newest edition, nothing is written.

    Args: period: `2026-09`, `2026-Q3` or `2026`. audience: internal or public.
    Returns: the newest edition. Raises: ValueError for another period, LookupError for one without figures, ArchiveDamaged when the
        newest edition was changed, NothingPublished, WarehouseBusy.
    """
    reported = parse_reported(period)
    root = folder_of(audience) / ARCHIVE
    folder = root / str(reported)
    with figures.current(audience, reported) as published:
        folder.mkdir(parents=True, exist_ok=True)
        with warehouse.lock("archive", path=root / ".lock"), version_folder.tidied(folder):
            numbers = editions(folder)
            digest = _digest(published)
            if numbers:
                newest = folder / f"edition-{numbers[-1]}"
                if _intact(newest)["figures_digest"] == digest:
                    return Edition(str(reported), numbers[-1], newest, is_new=False)
            number = (numbers[-1] if numbers else 0) + 1
            partial = version_folder.partial(folder, f"edition-{number}")
            partial.mkdir()
            write_files(published, partial)
            machine_files.write_manifest(published, partial, edition=number, figures_digest=digest)
            for path in partial.iterdir():
                path.chmod(0o444)
            version_folder.make_durable(partial)
            target = folder / f"edition-{number}"
            os.rename(partial, target)
            _lead_to(folder, target.name)
            _list(root)
    return Edition(str(reported), number, target, is_new=True)


def editions(folder: Path) -> list[int]:
    """The numbers of the editions of a period, oldest first."""
    return sorted(int(found[1]) for entry in folder.iterdir() if (found := EDITION.fullmatch(entry.name)))


def _digest(published: Published) -> str:
    """A digest of the figures of the period, whatever their order."""
    told = ", ".join(f"coalesce(cast({name.strip()} as varchar), '')" for name in TOLD.split(","))
    (row,) = published.rows(
        f"""
        select md5(string_agg(figure, chr(10) order by figure)) as digest
        from (select md5(concat_ws('|', {told})) as figure from reported_figure)
        """
    )
    return row["digest"]


def _intact(edition: Path) -> dict[str, Any]:
    """The manifest of an edition. Raises: ArchiveDamaged when a file is not as it says."""
    manifest = json.loads((edition / machine_files.MANIFEST).read_text(encoding="utf-8"))
    for name, file in manifest["files"].items():
        path = edition / name
        if not path.is_file() or machine_files.sha256(path) != file["sha256"]:
            raise ArchiveDamaged(
                f"{path}: expected the file as it was frozen (sha256 {file['sha256'][:12]}…), found "
                f"{'another one' if path.is_file() else 'none'}. Bring it back from a backup; what was signed must not change."
            )
    return manifest


def _lead_to(folder: Path, name: str) -> None:
    """Let `latest` lead to an edition, atomically."""
    link = folder / f".{LATEST}"
    link.unlink(missing_ok=True)
    os.symlink(name, link)
    os.replace(link, folder / LATEST)
    fsync(folder)


def _list(root: Path) -> None:
    """Write the page that lists the archive."""
    items = []
    for folder in sorted((entry for entry in root.iterdir() if entry.is_dir()), reverse=True):
        for number in reversed(editions(folder)):
            manifest = json.loads((folder / f"edition-{number}" / machine_files.MANIFEST).read_text(encoding="utf-8"))
            files = " · ".join(
                f'<a href="{folder.name}/edition-{number}/{html.escape(name)}">{html.escape(name)}</a>' for name in manifest["files"]
            )
            said = f"第 {number} 版 edition {number}, 截至 as of {manifest['as_of']}, {html.escape(manifest['version'])}"
            items.append(f"<tr><th scope=row>{folder.name}</th><td>{said}</td><td>{files}</td></tr>")
    page = (
        '<!doctype html><html lang="zh"><meta charset="utf-8"><title>归档 Archive</title>'
        "<style>body{font:16px/1.6 sans-serif;margin:2rem}td,th{padding:.2rem 1rem;text-align:left}</style>"
        f"<h1>归档 Archive</h1><table>{''.join(items)}</table></html>\n"
    )
    aside = root / f".{INDEX}"
    aside.write_text(page, encoding="utf-8")
    os.replace(aside, root / INDEX)


def headline_lines(period: Period, audience: str = "internal") -> list[str]:
    """The headline figures of a period, one line each: for a mail."""
    with figures.current(audience, period) as published:
        rows = published.rows(
            f"""
            from reported_figure where is_headline and depth = 0 and (breakdown_type = 'none' or is_headline_question)
            order by {figures.ORDER}
            """
        )
    lines = []
    for row in rows:
        interval = words.interval(row)
        lines.append(
            f"{words.place(row)} · {row['metric_code']} {words.metric(row)}: {words.value(row)}"
            + (f" (95 %: {interval})" if interval else "") + f", n {words.plain(row['n']) or '–'}, {words.status(row['status'])}"
        )  # fmt: skip
    return lines
