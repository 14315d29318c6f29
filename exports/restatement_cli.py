"""`gmw restatements`: which published figures have changed since the version before, by how much, and why."""

from __future__ import annotations

import csv as csv_file
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from exports import history, publication, words
from ingest.settings import settings
from ingest.sql import literal


def restatements(
    version: Annotated[str | None, typer.Option(help="that restated; `all`: every one; default: the current one")] = None,
    metric: Annotated[str | None, typer.Option(help="code of the catalogue, e.g. R02")] = None,
    place: Annotated[str | None, typer.Option(help="name, path, code or key of a place")] = None,
    growth: Annotated[
        bool, typer.Option("--growth", help="instead: what changed because its period was open, or it was watched for longer")
    ] = False,
    limit: Annotated[int, typer.Option(help="rows shown; 0 shows all")] = 50,
    csv: Annotated[Path | None, typer.Option(help="write all rows to this file")] = None,
) -> None:
    """Which figures published before are other ones now, by how much, and why, down to the files."""
    from ingest.cli import console

    with publication.open_current() as connection:
        (current,) = connection.execute("select version from publication").fetchone()
        rows = (_growth if growth else _restated)(connection, version or current, metric, place)
    _print(console, rows, limit)
    if csv:
        with open(csv, "w", encoding="utf-8-sig", newline="") as file:
            writer = csv_file.writer(file)
            writer.writerow(rows[0] if rows else ["no rows"])
            writer.writerows(row.values() for row in rows)
        console.print(f"{len(rows)} rows written to {csv}", soft_wrap=True)


# A place by any of its names; the path as it was in the period, too.
IS_PLACE = """($place is null or place_path = $place or place_key in (
    select place_key from dim_place where $place in (place_key, place_code, place_name, place_path)))"""
ORDER = """version desc, place_path, metric_code, breakdown_type != 'none', breakdown_type, breakdown_value,
    currency nulls first, period_type, period_start"""


def _restated(connection: duckdb.DuckDBPyConnection, version: str, metric: str | None, place: str | None) -> list[dict[str, Any]]:
    _check(connection, version, "version", "select distinct version from kpi_restatement union select version from publication")
    return _rows(
        connection,
        f"""
        select restated.version, compared_with, place_path, metric_code, period_type, period_start, breakdown_type,
            breakdown_value, currency, old_value, new_value, difference, relative_difference, old_status, new_status, is_hidden,
            causes,
            (select string_agg(distinct file_name, ', ' order by file_name) from kpi_restatement_cause as told
                where told.version = restated.version and told.cause_no = restated.cause_no
                    and list_contains(string_split(restated.causes, '|'), told.cause)) as files
        from kpi_restatement as restated
        where ($version = 'all' or version = $version) and ($metric is null or metric_code = $metric) and {IS_PLACE}
        order by {ORDER}
        """,
        {"version": version, "metric": metric, "place": place},
    )


def _growth(connection: duckdb.DuckDBPyConnection, version: str, metric: str | None, place: str | None) -> list[dict[str, Any]]:
    folder = settings().published / history.HISTORY
    paths = [str(path) for path in sorted(folder.glob(f"{'*' if version == 'all' else version}/{history.HISTORY_FILE}"))]
    if not paths:
        known = ", ".join(sorted(path.parent.name for path in folder.glob(f"*/{history.HISTORY_FILE}"))) or "none"
        raise LookupError(f"version: expected one with a history in {folder}, found {version!r}; there are: {known}")
    return _rows(
        connection,
        f"""
        select parse_path(filename)[-2] as version, null as compared_with, place_path, metric_code, period_type, period_start,
            breakdown_type, breakdown_value, currency, old_value, new_value, new_value - old_value as difference,
            (new_value - old_value) / nullif(abs(old_value), 0) as relative_difference, old_status, new_status, false as is_hidden,
            case kind when 'followed_up' then 'follow_up' else kind end as causes, null as files
        from read_parquet([{", ".join(literal(path) for path in paths)}], filename = true)
        where kind not in ('restated', 'first') and ($metric is null or metric_code = $metric) and {IS_PLACE}
        order by {ORDER}
        """,
        {"metric": metric, "place": place},
    )


def _check(connection: duckdb.DuckDBPyConnection, wanted: str, what: str, known: str) -> None:
    found = {name for (name,) in connection.execute(known).fetchall()} | {version.name for version in publication.versions()}
    if wanted != "all" and wanted not in found:
        raise LookupError(f"{what}: expected one that was published, found {wanted!r}; there are: {', '.join(sorted(found))}")


def _rows(connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    found = connection.execute(query, parameters)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row)) for row in found.fetchall()]


def _print(console: Console, rows: list[dict[str, Any]], limit: int) -> None:
    shown = rows[: limit or None]
    for version in dict.fromkeys(row["version"] for row in shown):
        mine = [row for row in shown if row["version"] == version]
        against = f", compared with {mine[0]['compared_with']}" if mine[0]["compared_with"] else ""
        console.print(f"[bold]{version}[/]{against}")
        table = Table("place", Column("metric", overflow="fold"), "period", "before", "now", "difference", "why", "files")
        for row in mine:
            breakdown = "" if row["breakdown_type"] == "none" else f" {row['breakdown_type']}={row['breakdown_value']}"
            step = "" if row["difference"] is None else f"{row['difference']:+.6g}"
            if row["relative_difference"] is not None:
                step += f" ({row['relative_difference']:+.1%})"
            why = ", ".join(words.CAUSES.get(cause, (cause, cause))[1] for cause in row["causes"].split("|"))
            cells = (row["place_path"], f"{row['metric_code']}{breakdown} {row['currency'] or ''}".strip(), _period(row),
                     _number(row, "old"), _number(row, "new"), step, why, row["files"])  # fmt: skip
            table.add_row(*(escape(cell or "") for cell in cells))
        console.print(table)
    if not rows:
        console.print("nothing restated: no figure of a closed period is another one than in the version before")
    elif len(rows) > len(shown):
        console.print(f"{len(rows) - len(shown)} more: --limit 0 shows them, --csv FILE writes them")


def _number(row: dict[str, Any], side: str) -> str:
    value, status = row[f"{side}_value"], row[f"{side}_status"]
    if status is None:
        return "–"
    if status == "suppressed" or value is None:
        return "not shown" if row["is_hidden"] and status != "suppressed" else status
    return f"{value:.10g}"


def _period(row: dict[str, Any]) -> str:
    """A period as `gmw explain` takes it."""
    start = row["period_start"]
    if row["period_type"] in ("all", "wave"):
        return "all" if row["period_type"] == "all" else f"wave:{start}"
    quarter = f"{start.year}-Q{(start.month + 2) // 3}"
    return {"year": f"{start:%Y}", "quarter": quarter, "month": f"{start:%Y-%m}"}[row["period_type"]]
