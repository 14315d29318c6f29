"""The exports for programs: kpi.csv, kpi.parquet, metric.csv, place.csv, and what describes them, manifest.json and datapackage.json.

Names, columns and types are a schema with a version. A change that can break a reader (a column gone, renamed, of another type or
meaning) raises the first number of SCHEMA_VERSION, a column more the second one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from exports import dictionary, figures
from exports.figures import Published
from ingest.sql import literal

SCHEMA_VERSION = "1.0"
MANIFEST, PACKAGE = "manifest.json", "datapackage.json"
# The columns of a figure. kpi.parquet has all of them; kpi.csv leaves out what metric.csv, place.csv and manifest.json say once:
# that took half of its bytes.
COLUMNS = (
    "metric_code", "name_zh", "name_en", "family", "definition_version", "tree", "place_key", "place_name",
    "place_name_en", "place_level", "place_path", "period_type", "period_start", "period_end", "breakdown_type",
    "breakdown_value", "breakdown_label", "value_display", "value", "lower", "upper", "n", "numerator", "denominator",
    "unit", "currency", "status", "as_of", "run_id",
)  # fmt: skip
SAID_ONCE = frozenset({"name_en", "family", "tree", "place_name_en", "place_path", "run_id"})
CSV_COLUMNS = tuple(name for name in COLUMNS if name not in SAID_ONCE)
METRIC_COLUMNS = (
    "metric_code", "family", "name_zh", "name_en", "formula", "unit", "direction", "decimals", "minimum_n", "statistic", "record",
    "counts_people", "breakdowns", "definition_version", "owner", "is_headline", "notes",
)  # fmt: skip
PLACE_COLUMNS = ("place_key", "tree", "place_name", "place_name_en", "place_level", "place_path", "parent_place_key")
# A cell that starts with one of these is a formula to a spreadsheet, also in full width and after white space.
FORMULA_START = r"^\s*[=+\-@＝＋－＠]|^[\t\r\n]"
TYPES = {
    "VARCHAR": "string", "DOUBLE": "number", "BIGINT": "integer", "INTEGER": "integer", "DATE": "date", "BOOLEAN": "boolean",
}  # fmt: skip


def write(published: Published, folder: Path) -> None:
    """Write all files for programs into a folder; call `write_manifest` when every other file is there, too."""
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    csv_columns = ", ".join(f'"{name}"' for name in CSV_COLUMNS)
    parquet = literal(str(folder / "kpi.parquet"))
    published.connection.execute(
        f"copy (select {columns} from reported_figure order by {figures.ORDER}) to {parquet} (format parquet, compression zstd)"
    )
    for name, query in queries(published).items():
        # Named, rounded and ordered once: what kpi.parquet has is what kpi.csv reads.
        _write_csv(published, f"select {csv_columns} from {parquet}" if name == "kpi" else query, folder / f"{name}.csv")
    package = json.dumps(data_package(published, folder), ensure_ascii=False, indent=2)
    (folder / PACKAGE).write_text(package + "\n", encoding="utf-8")


def queries(published: Published) -> dict[str, str]:
    """Name of each CSV file without its ending → the query of its rows."""
    columns = ", ".join(f'"{name}"' for name in CSV_COLUMNS)
    return {
        "kpi": f"select {columns} from reported_figure order by {figures.ORDER}",
        "metric": f"select {', '.join(METRIC_COLUMNS)} from kpi_catalogue order by rowid",
        "place": f"select {', '.join(PLACE_COLUMNS)} from place order by place_order",
    }


def _described(published: Published, query: str) -> list[tuple[str, str]]:
    """Names and types of the columns of a query."""
    return [(row["column_name"], row["column_type"]) for row in published.rows(f"describe {query}")]


def _write_csv(published: Published, query: str, path: Path) -> None:
    """The rows of a query as CSV: UTF-8 with a byte order mark (Excel needs it), numbers unrounded; text that a spreadsheet would run
    as a formula has an apostrophe before it."""
    columns = ", ".join(
        f"""case when regexp_matches("{name}", '{FORMULA_START}') then '''' || "{name}" else "{name}" end as "{name}" """
        if kind == "VARCHAR" and name != "value_display"
        else f'"{name}"'
        for name, kind in _described(published, query)
    )
    plain = path.with_suffix(".plain")
    published.connection.execute(f"copy (select {columns} from ({query})) to {literal(str(plain))} (format csv, header)")
    with open(plain, "rb") as source, open(path, "wb") as target:
        target.write(b"\xef\xbb\xbf")
        shutil.copyfileobj(source, target)
    plain.unlink()


def schema(published: Published) -> dict[str, list[dict[str, str]]]:
    """Columns and Frictionless types of each file, in their order; those of kpi.parquet below its whole name."""
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    return {
        name: [{"name": column, "type": TYPES[kind]} for column, kind in _described(published, query)]
        for name, query in {**queries(published), "kpi.parquet": f"select {columns} from reported_figure"}.items()
    }


def data_package(published: Published, folder: Path) -> dict[str, Any]:
    """The Frictionless Data Package that describes the CSV files of a folder."""
    publication = published.publication
    meanings = dictionary.column_meanings()
    keys: dict[str, dict[str, Any]] = {
        "kpi": {"foreignKeys": [
            {"fields": [key], "reference": {"resource": resource, "fields": [key]}}
            for key, resource in (("metric_code", "metric"), ("place_key", "place"))
        ]},
        "metric": {"primaryKey": ["metric_code"]},
        "place": {"primaryKey": ["place_key"]},
    }  # fmt: skip
    titles = {
        "kpi": "Figures: one row per metric, place, period, breakdown member and currency",
        "metric": "Definitions: one row per metric", "place": "Places: one row per place, as it is named now",
    }  # fmt: skip
    return {
        "profile": "data-package",
        "name": f"governance-kpis-{published.audience}",
        "title": "社区治理指标 Governance KPIs",
        "version": SCHEMA_VERSION,
        "created": publication["published_at"].isoformat(),
        "description": f"Version {publication['version']}, run {publication['run_id']}, as of {publication['as_of']}; "
        f"audience {published.audience}",
        "resources": [
            {
                "profile": "tabular-data-resource", "name": name, "path": f"{name}.csv", "title": titles[name], "format": "csv",
                "mediatype": "text/csv", "encoding": "utf-8-sig", **_fingerprint(folder / f"{name}.csv"),
                "schema": {
                    "fields": [
                        {**field, **({"description": meanings[field["name"]]} if field["name"] in meanings else {})}
                        for field in fields
                    ],
                    "missingValues": [""],
                    **keys[name],
                },
            }
            for name, fields in schema(published).items() if name in titles
        ],
    }  # fmt: skip


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "hash": f"sha256:{sha256(path)}"}


def write_manifest(published: Published, folder: Path, **more: Any) -> None:
    """Write what stands in a folder, and where its numbers come from. The same version gives the same bytes.

    Args: more: further entries.
    """
    publication = published.publication
    (rows,) = published.rows("select count(*) as figures from reported_figure")
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "audience": published.audience,
        "period": published.period and {"type": published.period.period_type, "start": published.period.start.isoformat()},
        "version": publication["version"],
        "run_id": publication["run_id"],
        "published_at": publication["published_at"].isoformat(),
        "as_of": publication["as_of"] and publication["as_of"].isoformat(),
        "code_version": publication["code_version"],
        "catalogue_version": publication["catalogue_version"],
        "figures": rows["figures"],
        **more,
        "columns": {"kpi.csv": CSV_COLUMNS, "kpi.parquet": COLUMNS},
        "files": {
            path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)}
            for path in sorted(folder.iterdir()) if path.name != MANIFEST
        },
    }  # fmt: skip
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
