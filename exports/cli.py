"""`gmw versions`, `gmw rollback`, `gmw docs`: the published versions, and the documentation of the models."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

if TYPE_CHECKING:
    from exports.versions import Switch, Version

console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def versions(
    names: Annotated[list[str] | None, typer.Argument(help="default: all")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="read every file again and compare it with the manifest")] = False,
    path: Annotated[bool, typer.Option("--path", help="only print the folder of the current version, its link resolved")] = False,
) -> None:
    """The published versions: which one is current, how old, with what gates; --verify ends with 1 when one is damaged."""
    from exports.publication import current_folder
    from exports.versions import UnknownVersion, damage, holding, switches
    from exports.versions import versions as published_versions

    if path:
        print(current_folder())
        return
    listed = published_versions()
    if unknown := set(names or ()) - {version.name for version in listed}:
        raise UnknownVersion(
            f"expected names of published versions, found {', '.join(sorted(unknown))}. There are: "
            f"{', '.join(version.name for version in listed) or 'none'}."
        )
    chosen = [version for version in listed if not names or version.name in names]
    if verify:
        faults = {version.name: damage(version) for version in chosen}
        for name, found in faults.items():
            console.print(f"{name}: {'as published' if not found else 'DAMAGED'}")
            for fault in found:
                console.print(f"  {fault}", soft_wrap=True, markup=False)
        if any(faults.values()):
            console.print("Go back to a version that is as published (`gmw rollback VERSION`), or publish again (`gmw publish`).")
            raise typer.Exit(1)
        return
    history = switches()
    version_column = Column("version", no_wrap=True, min_width=25)
    table = Table(version_column, "", "run", "published (UTC)", "data until", "gates", "MB", "was current (UTC)")
    for version in chosen:
        age = _age(datetime.now(timezone.utc) - version.published_at)
        table.add_row(
            version.name, "current" if version.is_current else "", version.run_id, f"{version.published_at:%m-%d %H:%M}, {age} ago",
            str(version.as_of or ""), _gates(version.manifest["gates"]),
            f"{sum(file['bytes'] for file in version.manifest['files'].values()) / 1e6:.1f}", _when(version, history),
        )  # fmt: skip
    console.print(table if chosen else "nothing is published yet: `gmw run`")
    if held := holding():
        console.print(f"[bold]Held:[/] {held}. Publications are written, but do not become current; "
                      f"`gmw rollback {listed[0].name}` goes to the newest and ends this.", soft_wrap=True)  # fmt: skip


def rollback(
    version: Annotated[str, typer.Argument(help="its name; see `gmw versions`")],
    why: Annotated[str, typer.Option(help="kept with the switch, for those who ask later")] = "",
) -> None:
    """Switch `current` to another published version. Until you go to the newest one, later publications wait."""
    from exports.export import switch_to
    from exports.versions import holding
    from exports.versions import rollback as switch_back

    console.print(f"current is now {switch_back(version, why).name}")
    if holding():
        console.print("Later publications will be written, but not become current, until you `gmw rollback` to the newest version.")
    exported = switch_to(version)
    console.print("The exports are switched, too." if exported else "The exports are of another version: `gmw export` writes them.")


def docs() -> None:
    """Write dbt's own documentation of the models as one page that needs no network: columns, tests, SQL, the graph."""
    from exports.dbt_docs import write

    with Progress(
        SpinnerColumn(), TextColumn("dbt docs: {task.description}"), TimeElapsedColumn(), console=console, transient=True
    ) as progress:
        progress.add_task("compiling, reading the catalogue", total=None)
        path = write()
    console.print(str(path), soft_wrap=True)


def _age(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.1f} hours"


def _gates(gates: list[dict]) -> str:
    failed = {severity: sum(suite[f"failed_{severity}"] for suite in gates) for severity in ("critical", "warning", "info")}
    told = ", ".join(f"{count} {severity}" for severity, count in failed.items() if count)
    return f"{sum(suite['checks'] for suite in gates)} checks, failed: {told or 'none'}"


def _when(version: Version, history: list[Switch]) -> str:
    """When a version was current: from and until, and again."""
    periods = []
    for switch in history:
        if switch.before == version.name and periods:
            periods[-1][1] = f"{switch.at:%m-%d %H:%M}"
        if switch.version == version.name:
            periods.append([f"{switch.at:%m-%d %H:%M}", ""])
    return ", ".join(f"{start} – {end}".strip() for start, end in periods)
