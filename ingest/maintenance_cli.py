"""`gmw backup`, `gmw restore`, `gmw maintain`: the upkeep of an installation."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

backup_app = typer.Typer(no_args_is_help=True, help="Backups of the warehouse, in $GMW_BACKUP_FOLDER (default $GMW_HOME/backups)")
console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)


def tell(line: object) -> None:
    """Print one line, never wrapped."""
    console.print(str(line), soft_wrap=True, markup=False)


@backup_app.command("create")
def backup_create() -> None:
    """Back up the build database with its ledger, the landed bytes and the published version; delete backups whose time is over."""
    from ingest.maintenance import back_up

    back_up(tell)


@backup_app.command("list")
def backup_list() -> None:
    """The backups, newest first: what is in them, whether their restore was proven, which keys of persons they hold."""
    from ingest.backup import backups
    from ingest.settings import settings

    table = Table(Column("backup", no_wrap=True), "rows", "database", "landed files", "published version", "keys", "restore proven")
    found = backups()
    for backup in found:
        proven = f"{backup.proven_at:%Y-%m-%d %H:%M}" if backup.proven_at else "not yet"
        table.add_row(
            backup.name, f"{sum(backup.rows.values()):,}", f"{backup.database_bytes / 1e6:,.1f} MB",
            f"{backup.landed_files} ({len(backup.missing)} missing)" if backup.missing else str(backup.landed_files),
            backup.published or "none", ", ".join(backup.key_versions) or "none", proven,
        )  # fmt: skip
    console.print(table if found else f"no backup in {settings().backups}: `gmw backup create` makes one", soft_wrap=not found)


@backup_app.command("prove")
def backup_prove(name: Annotated[str | None, typer.Argument(help="default: the newest")] = None) -> None:
    """Try a restore out on a copy and compare it with the manifest, the ledger and every sha256. Nothing is changed."""
    from ingest.restore import prove

    tell(prove(name, tell))


def restore(
    name: Annotated[str, typer.Argument(help="a backup; see `gmw backup list`")],
    apply: Annotated[bool, typer.Option("--apply", help="do it; without, only show what would be done")] = False,
) -> None:
    """Put a backup in the place of the warehouse. The state before is backed up first; files that landed since stay."""
    from ingest import restore as restores

    planned = restores.apply(name, tell) if apply else restores.plan(name)
    backup = planned.backup
    table = Table("table", "rows now", "rows in the backup")
    now = planned.rows_now or {}
    for known in sorted({*now, *backup.rows}):
        if now.get(known) != backup.rows.get(known):
            rows = (now.get(known), backup.rows.get(known))
            table.add_row(known, *("none" if count is None else f"{count:,}" for count in rows))
    if planned.rows_now is None:
        tell("there is no build database that can be opened; all of it comes from the backup")
    elif table.row_count:
        console.print(table)
    else:
        tell("every table has as many rows in the backup as now")
    tell(f"published version: {planned.published_now or 'none'} now, {backup.published or 'none'} in the backup")
    tell(f"landed files: {len(planned.to_copy)} come from the backup, {len(planned.purged)} were purged since and stay so, "
         f"{len(planned.since)} landed since and stay: the next run loads them")  # fmt: skip
    for file in planned.since[:10]:
        tell(f"  landed since: {file}")
    if planned.problem:
        tell(planned.problem)
        raise typer.Exit(1)
    if apply:
        tell(f"restored {backup.name}. Now: `gmw run` loads what landed since, builds and publishes; `gmw export` writes exports.")
    else:
        tell(f"This was a dry run: nothing was changed. `gmw restore {backup.name} --apply` does it.")


def maintain(
    only_compact: Annotated[bool, typer.Option("--compact", help="only compact the database, also where it does not pay")] = False,
) -> None:
    """What the DAG `maintain` does every night: purge landed files, compact the database, back up, prove the restore."""
    from ingest.maintenance import back_up, compact, prove_restore, purge

    if only_compact:
        compact(tell, is_forced=True)
        return
    for step in (purge, compact, back_up, prove_restore):
        step(tell)
