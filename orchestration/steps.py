"""What the tasks run: one function of the project each, and what it did in rows, bytes and seconds: a line per file, batch or
table, and a last one that sums up."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.connectors import Interval
    from ingest.replay import Batch


def land(source: str, interval: Interval | None) -> None:
    """Land the files of a source. Args and errors: as `ingest.landing.land`."""
    from ingest.landing import land

    started = time.monotonic()
    files = land(source, interval=interval)
    for file in files:
        print(file)
    new = [file for file in files if file.is_new]
    refused = sum(bool(file.problem) for file in files)
    print(
        f"land {source}: {_count(len(files), 'file')}, {len(new)} new with {sum(file.size_bytes for file in new):,} bytes, "
        f"{len(files) - len(new) - refused} known already, {refused} not taken; {_seconds(started)}"
    )


def load(source: str, interval: Interval | None = None) -> None:
    """Load the landed files of a source; a backfill loads the files of its interval again that were loaded before, and no others.

    Args: source: a declared source. interval: what the run is about. Errors: as `ingest.load.load` and `ingest.replay.replay`.
    """
    from ingest.load import load

    started = time.monotonic()
    again = []
    if interval and not interval.is_next:
        from ingest.replay import of_interval

        again = of_interval(source, interval)
    reports = load(source)
    for report in reports:
        print(report)
    rows = {name: sum(getattr(report, f"rows_{name}") for report in reports) for name in ("in", "loaded", "quarantined", "skipped")}
    blocked = sum(report.status == "blocked" for report in reports)
    print(
        f"load {source}: {_count(len(reports), 'file')}, {rows['in']:,} rows in = {rows['loaded']:,} loaded + "
        f"{rows['quarantined']:,} quarantined + {rows['skipped']:,} skipped, {_count(blocked, 'file')} blocked; {_seconds(started)}"
    )
    if again:
        _replay(source, again, f"backfill of {interval.start:%Y-%m-%d %H:%M} to {interval.end:%Y-%m-%d %H:%M}")


def _replay(source: str, batches: list[Batch], why: str) -> None:
    from ingest.replay import replay

    started = time.monotonic()
    results = replay(batches, why)
    for result in results:
        rows = f", {result.trial.rows_loaded:,} rows, {result.trial.changed:,} of them other than before" if result.trial else ""
        hint = ""
        if result.outcome == "refused":
            hint = f": it would get worse than it is; `gmw replay {result.batch.batch_id} --accept-worse` does it all the same"
        elif result.message:
            hint = f": {result.message}"
        print(f"again {result.batch.file_name}: {result.outcome}{rows}{hint}")
    outcomes = [result.outcome for result in results]
    counts = ", ".join(f"{outcomes.count(name)} {name}" for name in ("replayed", "unchanged", "refused", "impossible"))
    print(f"{why}, {source}: {counts}; {_seconds(started)}")


def gate_raw(source: str, run_id: str) -> None:
    """Gate the loaded batches of a source. Errors: as `expectations.gate.gate_raw`."""
    from expectations.gate import gate_raw
    from ingest import warehouse

    started, started_at = time.monotonic(), datetime.now(timezone.utc)
    print(gate_raw(source, run_id))
    with warehouse.reader() as connection:
        batches = connection.execute(
            """
            select batch_id, file_name, status, rows_loaded, count(*), count(*) filter (not success)
            from ops.gate_result inner join ops.batch using (batch_id) inner join ops.file using (source, file_id)
            where gate = 'raw' and run_id = ? and source = ? and checked_at >= ? group by all order by batch_id
            """,
            [run_id, source, started_at],
        ).fetchall()
    for batch_id, file_name, status, rows, checks, failed in batches:
        print(f"{batch_id} {file_name}: {status}, {rows:,} rows, {checks} checks, {failed} failed")
    accepted = sum(status == "accepted" for _, _, status, *_ in batches)
    print(
        f"gate_raw {source}: {_count(len(batches), 'batch', 'es')} with {sum(batch[3] for batch in batches):,} rows, {accepted} "
        f"accepted, {sum(batch[4] for batch in batches)} checks; {_seconds(started)}"
    )


def gate_marts(run_id: str) -> None:
    """Gate what would be published. Errors: as `expectations.gate.gate_marts`."""
    from expectations.gate import gate_marts
    from ingest import warehouse

    started = time.monotonic()
    report = gate_marts(run_id)
    print(report)
    for suite in dict.fromkeys(result.suite for result in report.results):
        own = [result for result in report.results if result.suite == suite]
        print(f"{suite}: {len(own)} checks, {sum(not result.success for result in own)} failed")
    with warehouse.reader() as connection:
        (rows,) = connection.execute("select count(*) from kpis.kpi_value").fetchone()
    print(f"gate_marts: {len(report.results)} checks on marts with {rows:,} KPI rows; {_seconds(started)}")


def publish(run_id: str) -> None:
    """Publish a gated run. Errors: as `exports.publication.publish`."""
    from exports.publication import MANIFEST, publish

    started = time.monotonic()
    version = publish(run_id)
    manifest = json.loads((version / MANIFEST).read_text(encoding="utf-8"))
    for table, rows in manifest["tables"].items():
        print(f"{table}: {rows:,} rows")
    size = sum(file["bytes"] for file in manifest["files"].values())
    print(
        f"publish {version.name}: {len(manifest['tables'])} tables, {sum(manifest['tables'].values()):,} rows, {size / 1e6:,.1f} "
        f"MB; {_seconds(started)}"
    )


def export() -> None:
    """Write the exports of the current version. Errors: as `exports.export.export`."""
    from exports.export import export
    from exports.publication import MANIFEST, current_folder

    started = time.monotonic()
    paths: list[Path] = export()
    for path in paths:
        print(f"wrote {path}, {path.stat().st_size:,} bytes")
    rows = json.loads((current_folder() / MANIFEST).read_text(encoding="utf-8"))["tables"]["kpi_value"]
    size = sum(path.stat().st_size for path in paths)
    print(f"export: {_count(len(paths), 'file')} of {rows:,} KPI rows, {size / 1e6:,.1f} MB; {_seconds(started)}")


def _seconds(started: float) -> str:
    return f"{time.monotonic() - started:.2f} s"


def _count(number: int, what: str, plural: str = "s") -> str:
    return f"{number} {what}{'' if number == 1 else plural}"
