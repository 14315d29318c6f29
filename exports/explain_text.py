"""An explanation as a person reads it: on the terminal, or as CSV."""

from __future__ import annotations

import csv
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from exports.explain import Explanation, Part, SourceRow
from exports.explain_trail import Trail
from ingest.readers import place_in_file

TEMPLATES = Path(__file__).parent / "templates"


def number(figure: float | None) -> str:
    """A figure without noise: 12, 0.8537, – when there is none."""
    return "–" if figure is None else f"{figure:.10g}"


def print_explanation(explanation: Explanation, console: Console, limit: int) -> None:
    """Print definition, value and at most `limit` rows of each part (0: all)."""
    metric, value = explanation.metric, explanation.value
    breakdown = "" if value["breakdown_type"] == "none" else f" · {value['breakdown_type']} = {value['breakdown_value']}"
    console.print(
        f"[bold]{metric['metric_code']} {metric['name_zh']} · {metric['name_en']}[/] (version {metric['definition_version']})"
    )
    console.print(f"{metric['formula']}", soft_wrap=True, markup=False)
    console.print(
        f"{value['place_path']} · {value['period_type']} {value['period_start']} to {value['period_end']} (exclusive){breakdown}"
        f"{' · ' + value['currency'] if value['currency'] else ''} · as of {value['as_of']}",
        soft_wrap=True,
        markup=False,
    )
    figures = [f"{name} {number(value[name])}" for name in ("value", "numerator", "denominator", "n") if value[name] is not None]
    if value["lower"] is not None or value["upper"] is not None:
        figures.append(f"95 % interval {number(value['lower'])} to {number(value['upper'])}")
    console.print(" · ".join([*figures, value["status"]]), soft_wrap=True)
    console.print(f"SQL: {', '.join(sql_files(explanation))}", soft_wrap=True)
    for part in explanation.parts:
        print_part(part, console, limit)
    if not explanation.parts:
        console.print("This metric has no rows of its own: it is made of other metrics, which its definition names.")


def sql_files(explanation: Explanation) -> list[str]:
    """The models that a number is made in, below the project's folder."""
    return [
        path.relative_to(path.parents[4] if path.parent.name == "rows" else path.parents[3]).as_posix() for path in explanation.models
    ]


def print_trail(trail: Trail, console: Console, limit: int) -> None:
    """Print files with batches and raw gates, corrections, the marts gate, and what was published before (`limit` rows of each; 0:
    all)."""
    for title, (names, rows) in tables_of(trail).items():
        table = Table(*names, title=title, title_justify="left")
        for row in rows[: limit or None]:
            table.add_row(*(escape("–" if cell is None else str(cell)) for cell in row))
        console.print(table if rows else f"{title}: none", soft_wrap=not rows)
        if limit and len(rows) > limit:
            console.print(f"… and {len(rows) - limit} more")


def tables_of(trail: Trail) -> dict[str, tuple[list[str], list[tuple]]]:
    """The tables of a trail: title → headings and rows."""
    return {
        "files and batches": (
            ["source", "file", "sha256", "rows used", "batch", "rows loaded", "quarantined", "checks", "failed"],
            [(row["source"], row["file_name"], row["file_id"][:12], row["row_count"], row["batch_id"], row["rows_loaded"],
              row["rows_quarantined"], row["checks"], row["failed"]) for row in trail.files],
        ),
        "corrections": (
            ["id", "source", "row", "column", "found", "corrected"],
            [(row["correction_id"], row["source"], place_in_file(row["row_no"]), row["column_name"], row["found_value"],
              row["corrected_value"]) for row in trail.corrections],
        ),
        "gates": (
            ["suite", "checks", "critical failed", "others failed", "at"],
            [(row["suite"], row["checks"], row["failed_critical"], row["failed_other"], f"{row['checked_at']:%Y-%m-%d %H:%M}")
             for row in trail.gates],
        ),
        "published values": (
            ["version", "published", "value", "lower", "upper", "n", "status", "definition", "as of"],
            [(f"{row['version']}{' (current)' if row['is_current'] else ''}", f"{row['published_at']:%Y-%m-%d %H:%M}",
              *(number(row[name]) for name in ("value", "lower", "upper", "n")), row["status"], row["definition_version"], row["as_of"])
             for row in trail.published],
        ),
    }  # fmt: skip


def write_html(explanation: Explanation, trail: Trail, path: Path, limit: int = 0) -> None:
    """Write the whole report as one page that opens offline.

    Args: limit: rows shown of each part; 0: all.
    """
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"number": number, "row_cells": _cells}
    files, corrections, gates, published = (rows for _, rows in tables_of(trail).values())
    page = environment.get_template("explain.html.j2").render(
        metric=explanation.metric, value=explanation.value, models=sql_files(explanation), parts=explanation.parts, limit=limit,
        files=files, corrections=corrections, gates=gates, published=published,
    )  # fmt: skip
    path.write_text(page, encoding="utf-8")


def _cells(row: SourceRow) -> tuple:
    row_no = None if row.row_no is None else place_in_file(row.row_no)
    return row.file_name, row_no, number(row.adds), (row.place or "").rpartition(" / ")[2], row.text


def print_part(part: Part, console: Console, limit: int) -> None:
    """Print the rows of numerator or denominator under what they add up to."""
    same = part.figure is not None and abs(part.total - part.figure) <= 1e-6 * max(1.0, abs(part.figure))
    said = f" = the {part.name}" if same else f"; the {part.name} is {number(part.figure)}: it counts anew what these rows name"
    console.print(
        f"\n[bold]{part.name}[/] {part.component}: {len(part.rows)} rows, together {number(part.total)}{said}", soft_wrap=True
    )
    table = Table("file", "row", "adds", "place", "what the row says")
    for row in part.rows[: limit or None]:
        table.add_row(
            row.file_name or "–",
            "–" if row.row_no is None else place_in_file(row.row_no).removeprefix("row "),
            number(row.adds),
            (row.place or "").rpartition(" / ")[2],
            escape(row.text),
        )
    console.print(table)
    if limit and len(part.rows) > limit:
        console.print(f"… and {len(part.rows) - limit} more: --limit 0 shows all, --csv FILE writes them")


def write_csv(explanation: Explanation, path: Path) -> int:
    """Write all rows of all parts as UTF-8 CSV with BOM; return how many."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["part", "component", "source", "file_name", "row_no", "place", "month", "adds", "text", "file_id"])
        rows = [(part, row) for part in explanation.parts for row in part.rows]
        writer.writerows(
            [part.name, part.component, row.source, row.file_name, row.row_no, row.place, row.month, number(row.adds),
             row.text, row.file_id]  # fmt: skip
            for part, row in rows
        )
    return len(rows)
