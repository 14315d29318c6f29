"""`gmw`: the command line. Every command calls the function that the DAG task of the same name calls."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import duckdb
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from exports import export_cli
from exports.cli import docs, rollback, versions
from exports.restatement_cli import restatements
from ingest import maintenance_cli
from orchestration.cli import app as airflow_app
from orchestration.notify_cli import app as notify_app

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Governance Metrics Warehouse")
source_app = typer.Typer(no_args_is_help=True, help="Declared sources")
secret_app = typer.Typer(no_args_is_help=True, help="The secret of the person keys, on one's own machine")
gate_app = typer.Typer(no_args_is_help=True, help="Great Expectations gates")
app.add_typer(source_app, name="source")
app.add_typer(gate_app, name="gate")
app.add_typer(secret_app, name="secret")
app.add_typer(airflow_app, name="airflow")
app.add_typer(notify_app, name="notify")
app.add_typer(maintenance_cli.backup_app, name="backup")
for command in (
    export_cli.export, export_cli.explain, export_cli.catalogue, export_cli.dictionary, export_cli.sql, versions, rollback, docs,
    restatements, maintenance_cli.restore, maintenance_cli.maintain,
):  # fmt: skip
    app.command()(command)
# Where nobody looks on (a log, a pipe), tables keep the width that they need.
console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)

SourceName = Annotated[str, typer.Argument(help="a declared source; see `gmw source list`")]
Family = Enum("Family", {name: name for name in ("activity", "survey", "funding", "reference")}, type=str)
RunId = Annotated[str, typer.Option(help="identifies the run in kpi_value and gate results; default: now")]
BuiltRunId = Annotated[str, typer.Option(help="the run that was built; default: the last one")]


def new_run_id() -> str:
    """A run id for a run without a scheduler: `manual-<UTC time>`."""
    return datetime.now(timezone.utc).strftime("manual-%Y%m%dT%H%M%S%fZ")


def say(text: object) -> None:
    """Print what may hold text of a file or of another server: no markup, control characters spelled out, never wrapped."""
    from ingest.connectors.names import shown

    console.print("\n".join(shown(line) for line in str(text).split("\n")), soft_wrap=True, markup=False)


def main() -> None:
    """Run the command line; an expected error ends with its message and exit code 1, without a traceback."""
    try:
        app()
    except (RuntimeError, ValueError, LookupError, OSError, duckdb.Error) as error:
        Console(stderr=True).print(f"[bold red]gmw:[/] {type(error).__name__}: ", end="")
        print(error, file=sys.stderr)
        sys.exit(1)


@source_app.command("list")
def source_list() -> None:
    """List the declared sources."""
    from ingest.declaration import declarations

    table = Table("source", "family", "title", "delivery", "schedule", "owner")
    for source in declarations():
        table.add_row(source.name, source.family, source.title, source.delivery.mode, source.schedule, source.owner)
    console.print(table)


@source_app.command("check")
def source_check(
    name: SourceName,
    file: Annotated[Path, typer.Argument(help="a file as it arrives")],
    build: Annotated[
        bool, typer.Option("--build", help="also gate it and run the staging models, in an installation that is thrown away")
    ] = False,
) -> None:
    """Dry run: what of FILE would load into the source NAME, what would not, and what has drifted. Nothing is stored."""
    from ingest import check, check_text

    found = check.check(name, file)
    check_text.print_check(found, console)
    if found.report.status != "loaded" or found.blocked_why:
        raise typer.Exit(1)
    if build:
        with Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
        ) as progress:
            task = progress.add_task("starting", total=None)
            models, failed = check.staged(name, file, lambda step: progress.update(task, description=step))
        check_text.print_staged(models, failed, console)
        raise typer.Exit(0 if all(model.rows_used for model in models) else 1)


@source_app.command("add")
def source_add(
    name: Annotated[str, typer.Argument(help="name of the new source: lower-case letters, digits, _")],
    file: Annotated[Path, typer.Argument(help="a file as it arrives")],
    family: Annotated[Family | None, typer.Option(help="default: by the record")] = None,
    record: Annotated[list[str] | None, typer.Option(help="what a row is; may be given again; default: by the columns")] = None,
    key: Annotated[list[str] | None, typer.Option(help="a column that numbers the rows; may be given again")] = None,
    tree: Annotated[str | None, typer.Option(help="a tree of places that another source tells of; default: its own")] = None,
    title: Annotated[str | None, typer.Option(help="default: from the name")] = None,
    owner: Annotated[str, typer.Option(help="who answers for it")] = "Data team",
    time_zone: Annotated[str | None, typer.Option(help="default: Asia/Shanghai for Chinese headers, else UTC")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="write nothing")] = False,
) -> None:
    """Look at FILE and write the declaration, the staging models and the fixtures of a new source, for you to review."""
    from ingest import scaffold
    from ingest.scaffold import report

    proposal, files = scaffold.add(
        name, file, dry_run, family=family and family.value, chosen=record, key=key, tree=tree, title=title, owner=owner,
        time_zone=time_zone,
    )
    report.print_proposal(proposal, console)
    report.print_written(proposal, files, console, dry_run)


@source_app.command("drift")
def source_drift(name: Annotated[str | None, typer.Argument(help="default: all sources")] = None) -> None:
    """How the columns of files changed from one file to the next: added, removed, renamed, other kinds of values."""
    from ingest.declaration import declaration, declarations
    from ingest.drift import changes
    from ingest.load import blocked

    table = Table("source", "file", "change", "column", "before", "after", "compared with")
    found = changes(declaration(name).name if name else None)
    for row in found:
        column = row["header"] if row["column_name"] in (None, row["header"]) else f"{row['header']} ({row['column_name']})"
        cells = (row["source"], row["file_name"], row["change"], column, row["before"], row["after"], row["previous_file_name"])
        table.add_row(*(escape(cell or "") for cell in cells))
    console.print(table if found else "no file that was read differs in its columns from the one before it")
    for report in blocked(*([name] if name else [source.name for source in declarations()])):
        if not report.rows_in:
            console.print(
                f"not compared, because it is blocked: {report.source}/{report.file_name}; `gmw status` says why",
                soft_wrap=True, markup=False,
            )


@secret_app.command("create")
def secret_create(if_missing: Annotated[bool, typer.Option("--if-missing", help="no error when there is one")] = False) -> None:
    """Make the secret of the person keys in $GMW_HOME/secrets. A server takes GMW_PERSON_KEY_SECRET from its secret store."""
    from ingest.settings import PERSON_KEY_SECRET, create_secret, secret_file

    if if_missing and (os.environ.get(PERSON_KEY_SECRET) or secret_file().exists()):
        return
    console.print(f"made {create_secret()}: keep a copy of it, keys cannot be made again without it", soft_wrap=True)


@app.command("rotate-key")
def rotate_key(
    apply: Annotated[bool, typer.Option("--apply", help="do it; without, only show what would be done")] = False,
) -> None:
    """Give every person and household a new key, made with the current secret from the landed files."""
    from ingest import privacy, rotation

    if not apply:
        table = Table("source", "file", "rows", "problem")
        planned = rotation.plan()
        for file in planned:
            table.add_row(file.source, escape(file.file_name), str(file.rows), escape(file.problem))
        console.print(table)
        console.print(f"{len(planned)} files have keys of another secret than the current one ({privacy.key_version()}).")
        raise typer.Exit(1 if any(file.problem for file in planned) else 0)
    for report in rotation.rotate():
        say(report)
    console.print("Now gate, build and publish: `gmw run`. Then see docs/runbooks/key_rotation.md for what still holds old keys.")


@app.command()
def scan(
    names: Annotated[Path | None, typer.Option(help="a text file with names of people, one per line, to look for, too")] = None,
) -> None:
    """Look for phone numbers, ID numbers, IP addresses and names in databases, logs, reports and exports below GMW_HOME."""
    from expectations.scan import scan as search

    listed = [line.strip() for line in names.read_text(encoding="utf-8-sig").splitlines() if line.strip()] if names else None
    hits = search(listed)
    table = Table("place", "what", "times")
    for hit in hits:
        table.add_row(escape(hit.place), hit.what, str(hit.count))
    console.print(table if hits else "nothing personal was found")
    raise typer.Exit(1 if hits else 0)


@app.command()
def purge(
    apply: Annotated[bool, typer.Option("--apply", help="do it; without, only show what would be deleted")] = False,
) -> None:
    """Delete the bytes of landed files that are older than their source's retention. The ledger and what was loaded stay."""
    from ingest import retention

    files = retention.purge() if apply else retention.plan()
    table = Table("source", "file", "landed on", "bytes", "still where it came from")
    for file in files:
        table.add_row(file.source, escape(file.file_name), str(file.landed_on), str(file.size_bytes), escape(file.still_at))
    console.print(table if files else "no landed file is older than the retention of its source")
    if files:
        console.print(
            f"{len(files)} files {'purged' if apply else 'would be purged (--apply does it)'}. They cannot be loaded, replayed "
            "or given new person keys again, unless `gmw land SOURCE FILE` brings them back. What still lies where it came from "
            "is yours to delete.",
            soft_wrap=True,
        )


@app.command()
def land(
    source: SourceName,
    paths: Annotated[list[Path] | None, typer.Argument(help="default: what the source's connector brings")] = None,
    start: Annotated[datetime | None, typer.Option("--from", help="ask again from this time on, in the source's zone")] = None,
    end: Annotated[datetime | None, typer.Option("--to", help="and before this time")] = None,
) -> None:
    """Keep the bytes of arrived files, with sha256, in the landing. Ends with 1 when a file could not be taken."""
    from ingest.connectors import Interval
    from ingest.declaration import declaration
    from ingest.landing import land as land_files

    if (start is None) != (end is None) or start and (paths or start >= end):
        raise typer.BadParameter("expected --from and a later --to, without paths")
    zone = ZoneInfo(declaration(source).time_zone)
    interval = Interval(start.replace(tzinfo=zone), end.replace(tzinfo=zone)) if start else None
    landed = land_files(source, paths or None, interval)
    for file in landed:
        say(file)
    raise typer.Exit(1 if any(file.problem for file in landed) else 0)


@app.command()
def load(source: SourceName) -> None:
    """Load landed files into raw.SOURCE; rows that do not fit go to quarantine."""
    from ingest.load import blocked, load as load_files

    for report in load_files(source, tell=say):
        say(report)
    raise typer.Exit(1 if blocked(source) else 0)


@gate_app.command("raw")
def gate_raw(source: SourceName, run_id: RunId = "") -> None:
    """Check the loaded batches of a source; accept or block each."""
    from expectations import gate

    report = gate.gate_raw(source, run_id or new_run_id())
    say(report)
    raise typer.Exit(0 if report.passed else 1)


@gate_app.command("marts")
def gate_marts(run_id: BuiltRunId = "") -> None:
    """Check what would be published."""
    from expectations import gate

    say(gate.gate_marts(run_id or latest_run_id()))


@app.command()
def quarantine(
    source: Annotated[str | None, typer.Argument(help="a declared source; default: all")] = None,
    reason: Annotated[str | None, typer.Option(help="only this reason code")] = None,
    file: Annotated[str | None, typer.Option(help="only files whose name matches, such as '*2026-03*'")] = None,
    history: Annotated[bool, typer.Option("--history", help="the rows that have left quarantine, and how that came")] = False,
    csv: Annotated[Path | None, typer.Option(help="write all rows to this file")] = None,
) -> None:
    """Rows that were not used, grouped by reason, with the first of each and what to do about them."""
    from ingest.quarantine_text import print_groups, print_history, write_csv

    (print_history if history else print_groups)(console, source, reason, file)
    if csv:
        console.print(f"{write_csv(csv, source, reason, file, history)} rows written to {csv}", soft_wrap=True, markup=False)


@app.command()
def replay(
    names: Annotated[
        list[str] | None, typer.Argument(help="sources or batch ids; default: what is in quarantine, blocked or newly corrected")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would change")] = False,
    why: Annotated[str, typer.Option(help="kept in ops.replay; default: the corrections that are new")] = "",
    accept_worse: Annotated[
        bool, typer.Option("--accept-worse", help="replay accepted batches, too, that lose rows or would be blocked")
    ] = False,
) -> None:
    """Load batches again from their landed bytes, after the declaration or a correction has changed; gate them again."""
    from ingest import replay as replays
    from ingest.quarantine_text import print_replayed, print_trial

    batches = replays.plan(names or None)
    if not batches:
        console.print(
            "Nothing to replay: no row in quarantine, no blocked file, no correction that is not applied. Aliases of places and "
            "staging models act with the next build (`gmw run`).",
            soft_wrap=True,
        )
        return
    if dry_run:
        for batch in batches:
            if batch.problem:
                print_replayed(console, replays.Replayed(batch, "impossible", message=batch.problem))
            else:
                print_trial(console, replays.try_out(batch))
        console.print("This was a dry run: nothing was changed. `gmw replay` does it.")
        return
    results = replays.replay(batches, why, accept_worse, lambda trial: print_trial(console, trial))
    for result in results:
        print_replayed(console, result)
    if any(result.outcome == "replayed" for result in results):
        console.print("The next build uses what is accepted now: `gmw run`, or the next run of build_marts.")
    if any(result.outcome in ("refused", "impossible") for result in results):
        raise typer.Exit(1)


@app.command()
def build(
    select: Annotated[str | None, typer.Option(help="a dbt selection")] = None,
    run_id: RunId = "",
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="also what has not changed")] = False,
) -> None:
    """Build models, seeds and data tests with dbt: what has changed, and what reads it."""
    from ingest.build import build as build_models

    build_models(run_id or new_run_id(), select, full_refresh=full_refresh)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def dbt(context: typer.Context) -> None:
    """Run any dbt command on this installation, e.g. `gmw dbt test --select fct_case`."""
    from ingest.build import dbt as run_dbt

    raise typer.Exit(run_dbt(context.args, purpose=f"dbt {' '.join(context.args)}"))


@app.command()
def publish(run_id: BuiltRunId = "") -> None:
    """Publish the marts of a run whose gate has passed, as a new version."""
    from exports.publication import publish as publish_version

    publish_version(run_id or latest_run_id(), say)


@app.command()
def run(
    sources: Annotated[list[str] | None, typer.Argument(help="default: all declared sources")] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="build and publish even when nothing is new")] = False,
) -> None:
    """Everything in order, without a scheduler: land, load, gate, build, gate, publish, export."""
    from ingest.run import run_all

    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
    ) as progress:
        task = progress.add_task("starting", total=None)
        blocked = run_all(
            new_run_id(), sources, lambda step: progress.update(task, description=escape(step)),
            lambda line: progress.console.print(line, markup=False), rebuild,
        )
    from exports.headline import print_headline

    print_headline()
    if blocked:
        Console(stderr=True).print(f"\n[bold red]{len(blocked)} file(s) are blocked; everything else was published:[/]")
        for report in blocked:
            print(f"  {report.source}: {report}", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def status() -> None:
    """Sources, batches, quarantine, last gates and the current version."""
    from ingest.run import print_status

    print_status(console)


def latest_run_id() -> str:
    """The run id of the last build. Raises: RuntimeError when nothing was built yet."""
    from ingest import warehouse

    with warehouse.reader() as connection:
        row = connection.execute("select max_by(run_id, started_at) from ops.run").fetchone()
    if row[0] is None:
        raise RuntimeError("nothing was built yet: run `gmw build` first")
    return row[0]


if __name__ == "__main__":
    main()
