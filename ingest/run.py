"""The whole way without a scheduler, and a look at where things stand."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingest import lineage, warehouse
from ingest.build import build
from ingest.connectors import SourceUnavailable, drop_folder
from ingest.connectors.credentials import ConnectionNotFound
from ingest.connectors.names import shown
from ingest.declaration import declaration, declarations
from ingest.landing import land
from ingest.load import BatchReport, blocked, load
from ingest.settings import settings


@lineage.traced("run")
def run_all(
    run_id: str, sources: list[str] | None, step: Callable[[str], None], echo: Callable[[str], None], rebuild: bool = False
) -> list[BatchReport]:
    """Land, load and gate each source, then build, gate, publish and export, unless the current version has all that already.

    Args: run_id: identifies the run. sources: names; default all. step: told what is being done. echo: told what was done.
    rebuild: build even when nothing is new. Returns: the batches that are blocked now; everything else is published.
    Raises: what the steps raise; then nothing new is published. SourceUnavailable or ConnectionNotFound, for the first source
    that could not be asked, at the end: everything else was published.
    """
    from expectations import gate
    from exports.export import export, is_exported
    from exports.publication import nothing_new, publish

    chosen = [declaration(name) for name in sources] if sources else declarations()
    unavailable, waiting = [], gate.waiting_sources()
    for source in chosen:
        step(f"{source.name}: land")
        try:
            new = [file for file in land(source.name) if file.is_new]
        except (SourceUnavailable, ConnectionNotFound) as error:
            new, unavailable = [], [*unavailable, error]
            echo(str(error))
        step(f"{source.name}: load")
        reports = load(source.name)
        step(f"{source.name}: gate")
        if reports or source.name in waiting:  # to open the warehouse for nothing takes longer than all else
            gate.gate_raw(source.name, run_id)
        echo(
            f"{source.name}: {len(new)} new files, {sum(report.rows_loaded for report in reports)} rows loaded, "
            f"{sum(report.rows_quarantined for report in reports)} quarantined, "
            f"{sum(report.rows_skipped for report in reports)} skipped"
        )
    print_unclaimed(echo)
    version = None if rebuild else nothing_new()
    if version:
        echo(f"nothing new since version {version}: it stays as it is (`gmw run --rebuild` builds all the same)")
    else:
        step("build the marts (dbt)")
        build(run_id, echo=lambda line: step(f"dbt: {line[10:90]}"))
        step("gate the marts")
        gate.gate_marts(run_id)
        step("publish")
        publish(run_id, echo)
    if not version or not is_exported(version):
        step("export")
        export()
    if unavailable:
        raise unavailable[0]
    return blocked(*(source.name for source in chosen))


def print_unclaimed(echo: Callable[[str], None]) -> None:
    """Name the files in the drop folder that no source takes."""
    for path in drop_folder.unclaimed():
        name = shown(str(path.relative_to(settings().drop)))
        echo(f"no source takes {name}: check its folder and its ending (`gmw source list` shows the sources)")


def print_status(console: Console) -> None:
    """Print sources with their batches and quarantine, the last gates, and the current version."""
    from exports.publication import why_not_published
    from exports.versions import holding, versions

    table = Table(
        "source",
        "files",
        "accepted",
        "waiting",
        "blocked",
        "rows loaded",
        "quarantined",
        "rejected later",
        "data until",
        "last load",
    )
    with warehouse.reader() as connection:
        is_built = connection.execute(
            "select count(*) from duckdb_tables() where table_name = 'quality_rejected_row'"
        ).fetchone()[0]
        rejected = (
            "(select count(distinct (file_id, row_no)) from marts.quality_rejected_row as row where row.source = batch.source "
            "and stage = 'staging')"
            if is_built
            else "null"
        )
        rows = connection.execute(
            f"""
            select source, count(*), count(*) filter (status = 'accepted'), count(*) filter (status = 'loaded'),
                count(*) filter (status = 'blocked'), sum(rows_loaded), sum(rows_quarantined), {rejected},
                max(file.as_of) filter (status = 'accepted'),
                strftime(max(loaded_at), '%Y-%m-%d %H:%M UTC')
            from ops.batch join ops.file using (source, file_id) group by source order by source
            """
        ).fetchall()
        gates = connection.execute(
            """
            select gate, run_id, count(*), count(*) filter (not success and severity = 'critical'),
                count(*) filter (not success and severity = 'warning')
            from ops.gate_result where superseded_at is null group by gate, run_id
            qualify row_number() over (partition by gate order by max(checked_at) desc) = 1 order by gate
            """
        ).fetchall()
        messages = connection.execute(
            """
            select source, file_name, message from ops.batch join ops.file using (source, file_id)
            where status = 'blocked' order by batch_no
            """
        ).fetchall()
        encodings = connection.execute(
            """
            select source, regexp_extract(message, 'another than declared: ([a-z0-9-]+)', 1) as found, count(*)
            from ops.batch where status = 'accepted' and found != '' group by all order by all
            """
        ).fetchall()
        unpublished = why_not_published(connection)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table)
    for gate, run_id, checks, critical, warnings in gates:
        console.print(f"last {gate} gate ({run_id}): {checks} checks, {critical} critical and {warnings} warnings failed")
    for source, encoding, files in encodings:
        told = f"{files} file{'s' * (files > 1)} in {encoding}, which is not the declared encoding"
        console.print(f"encoding {source}: {told}", soft_wrap=True)
    for source, file_name, message in messages:
        console.print(f"[red]blocked[/] {escape(f'{source}/{file_name}: {message}')}", soft_wrap=True)
    current = [version for version in versions() if version.is_current]
    print_unclaimed(lambda line: console.print(line, markup=False))
    console.print(f"current version: {current[0].name if current else 'none published yet'}")
    if held := holding():
        console.print(f"[red]held[/] {escape(str(held))}: publications do not become current (`gmw versions`)", soft_wrap=True)
    if unpublished:
        console.print(f"[red]not published[/] {escape(unpublished)}", soft_wrap=True)
