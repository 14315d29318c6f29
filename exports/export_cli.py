"""`gmw export`, `gmw explain`, `gmw sql`, `gmw catalogue`, `gmw dictionary`: from the published version to files and answers."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)

Audience = Enum("Audience", {name: name for name in ("internal", "public")}, type=str)


def export(
    audience: Annotated[Audience, typer.Option(help="who reads it; for the public more is suppressed")] = Audience.internal,
    period: Annotated[str | None, typer.Option(help="2026-09, 2026-Q3 or 2026: freeze the report on it in the archive")] = None,
) -> None:
    """Write workbook, page, CSV, Parquet and their description from the published version; with --period the report on it."""
    from exports.export import export as write_exports

    if period:
        from exports.archive import archive

        edition = archive(period, audience.value)
        told = "frozen" if edition.is_new else "nothing written: its figures are those of"
        console.print(f"{edition.period}: {told} edition {edition.number}, {edition.folder}", soft_wrap=True)
        return
    for path in write_exports(audience.value):
        console.print(str(path), soft_wrap=True)


def dictionary() -> None:
    """Write docs/data_dictionary.md, every published table and column, from dbt's YAML and dictionary_zh.yml."""
    from exports.dictionary import write

    console.print(write(), soft_wrap=True)


def explain(
    metric: Annotated[str, typer.Argument(help="code of the catalogue, e.g. R02")],
    place: Annotated[str, typer.Option(help="name, path, code or key of a place")],
    period: Annotated[str, typer.Option(help="2026, 2026-Q1, 2026-03, all, or wave:2026-03-10")] = "all",
    breakdown: Annotated[str | None, typer.Option(help="type=member, e.g. category=物业管理; default: the total")] = None,
    currency: Annotated[str | None, typer.Option(help="where a place has money in several")] = None,
    limit: Annotated[int, typer.Option(help="rows shown of each part; 0 shows all")] = 20,
    csv: Annotated[Path | None, typer.Option(help="write all rows to this file")] = None,
    html: Annotated[Path | None, typer.Option(help="write the whole report to this file, one page that opens offline")] = None,
    show_hidden: Annotated[bool, typer.Option(help="explain a number, too, that the publication hides")] = False,
) -> None:
    """From a number down to its source rows, files, batches, corrections and gates, and what was published of it before."""
    from exports.explain import explain as find_rows
    from exports.explain_text import print_explanation, print_trail, write_csv, write_html
    from exports.explain_trail import trail

    explanation = find_rows(metric, place, period, breakdown, currency, show_hidden)
    print_explanation(explanation, console, limit)
    followed = trail(explanation)
    print_trail(followed, console, limit)
    if html:
        write_html(explanation, followed, html)
        console.print(f"the report was written to {html}", soft_wrap=True)
    if csv:
        console.print(f"{write_csv(explanation, csv)} rows written to {csv}", soft_wrap=True)


def catalogue() -> None:
    """Write docs/kpi_catalogue.md, the page of all definitions, from the metric catalogue."""
    from exports.catalogue import write

    console.print(str(write()), soft_wrap=True)


def sql(
    query: Annotated[str, typer.Argument(help="SQL of DuckDB")],
    csv: Annotated[Path | None, typer.Option(help="write the result to this file: CSV, UTF-8 with byte order mark")] = None,
    parquet: Annotated[Path | None, typer.Option(help="write the result to this file: Parquet")] = None,
) -> None:
    """Run a read-only query on the published version, e.g. `gmw sql "from kpi_value limit 5"`."""
    from exports.publication import open_current

    with open_current() as connection:
        # Read-only means files, too: without this, `copy … to` would write one, and `read_csv` read one.
        connection.execute("set enable_external_access = false").complete()
        found = connection.sql(query)
        if found is None:
            raise ValueError("expected a query that returns rows")
        if csv is None and parquet is None:
            found.show(max_width=10_000 if not sys.stdout.isatty() else None, max_rows=1000)
            return
        # Arrow carries the rows over to where files may be written; the query itself stays without access to any.
        table = found.to_arrow_table()
    if parquet:
        import pyarrow.parquet

        pyarrow.parquet.write_table(table, parquet, compression="zstd")
    if csv:
        import pyarrow.csv

        with open(csv, "wb") as file:
            file.write(b"\xef\xbb\xbf")
            pyarrow.csv.write_csv(table, file)
    console.print(f"{table.num_rows} rows written to {' and '.join(str(path) for path in (csv, parquet) if path)}", soft_wrap=True)
