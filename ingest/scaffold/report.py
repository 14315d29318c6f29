"""What `gmw source add` tells the person who reviews: what was seen, what is proposed and why, what to look at, what is next."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingest.scaffold.column import Column
from ingest.scaffold.propose import Proposal
from ingest.settings import settings


def print_proposal(proposal: Proposal, console: Console) -> None:
    """Print the proposal: layout, columns, delivery, records.

    Args: proposal: what would be declared. console: where to.
    """
    whole = "all" if proposal.is_whole else "the first"
    console.print(f"[bold]{escape(proposal.file.name)}[/] — {whole} {proposal.rows} rows were looked at")
    for reason in [*proposal.layout.reasons, *proposal.layout.elsewhere]:
        console.print(f"  {escape(reason)}", soft_wrap=True)
    for row in proposal.rejected[:5]:
        console.print(f"  [yellow]does not fit[/] {escape(row)}", soft_wrap=True)
    table = Table("header", "column", "type", "personal", "filled", "different", "why", title_justify="left")
    for column in proposal.columns:
        table.add_row(
            escape(column.header if not column.is_filled else "(from the reader)"),
            column.name,
            escape(_type(column)),
            f"[bold red]{_personal(column)}[/]" if column.personal or column.free_text else "",
            "" if column.is_filled else str(column.filled),
            "" if column.is_filled else str(column.distinct),
            escape(column.personal_why or column.type_why),
        )
    console.print(table)
    console.print(f"[bold]delivery[/] {escape(_delivery(proposal))}: {escape(proposal.delivery_why)}", soft_wrap=True)
    if proposal.guesses:
        guesses = "; ".join(f"{guess.record} ({', '.join(guess.columns[:4])})" for guess in proposal.guesses[:4])
        console.print(
            f"[bold]records[/] {', '.join(proposal.records)}. What the columns speak for: {escape(guesses)}", soft_wrap=True
        )
    else:
        console.print(f"[bold]records[/] {', '.join(proposal.records)}, as you said")


def print_written(proposal: Proposal, files: dict[Path, str], console: Console, is_dry_run: bool) -> None:
    """Print what was (or would be) written, what to review and the next commands."""
    console.print(f"\n[bold]{'would write' if is_dry_run else 'written'}[/]")
    for path, text in files.items():
        console.print(f"  {path} ({len(text.splitlines())} lines)", soft_wrap=True, highlight=False)
    console.print("\n[bold]please review[/]")
    standing = [
        "producer and licence are 'not stated', the schedule is 02:00 every day",
        f"owner {proposal.owner!r}, time zone {proposal.time_zone}",
    ]
    for number, item in enumerate([*proposal.review, *standing], start=1):
        console.print(f"  {number:2}. {escape(item)}", soft_wrap=True, highlight=False)
    if is_dry_run:
        console.print("\nnothing was written")
        return
    console.print("\n[bold]next[/]")
    drop = "$GMW_HOME/drop" if settings().drop == settings().home / "drop" else "$GMW_DROP_FOLDER"
    for command in (
        f"gmw source check {proposal.name} '{proposal.file}'",
        f"mkdir -p {drop}/{proposal.name} && cp '{proposal.file}' {drop}/{proposal.name}/",
        f"gmw run {proposal.name}",
    ):
        console.print(f"  {escape(command)}", soft_wrap=True, highlight=False)


def _type(column: Column) -> str:
    text = column.type + (f" {column.formats[0]}" if column.formats else "")
    if column.question:
        return "answer " + (
            f"{column.question['scale_min']}–{column.question['scale_max']}" if "scale_min" in column.question else "in words"
        )
    if column.values:
        text += f", {len(column.values)} words"
    return text + (", unique" if column.unique else "")


def _personal(column: Column) -> str:
    return column.personal or "free text"


def _delivery(proposal: Proposal) -> str:
    named = proposal.delivery.get("key") or proposal.delivery.get("columns") or []
    return str(proposal.delivery["mode"]) + (f" ({', '.join(named)})" if named else "")
