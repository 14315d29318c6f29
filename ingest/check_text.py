"""What `gmw source check` tells a person."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingest.check import COUNTED_ROWS, Check, Difference, Staged
from ingest.readers import place_in_file


def print_check(found: Check, console: Console) -> None:
    """Print what would load, why the rest would not, the first such rows, and how the file differs from the declaration.

    Args: found: of `check.check`. console: where to.
    """
    console.print(escape(str(found.report)), soft_wrap=True)
    for reason, count in found.reasons.most_common():
        least = "at least " if count == COUNTED_ROWS else ""
        console.print(f"  [yellow]{least}{count}[/] rows: {escape(reason)}", soft_wrap=True)
    for row in found.rows:
        column = f", column {row['column_name']}" if row["column_name"] else ""
        place = place_in_file(row["row_no"], found.report.file_name)
        console.print(
            escape(f"  {place}{column}: {row['reason']}, expected {row['expected']}, found {row['raw_value']!r}"),
            soft_wrap=True,
        )
    if found.blocked_why:
        console.print(
            f"  [red]the gate would block it[/]: {found.blocked_why}, found {found.report.rows_quarantined} of "
            f"{found.report.rows_in}; mend the declaration or the file",
            soft_wrap=True,
        )
    if found.difference:
        _print_difference(found.difference, console)


def _print_difference(found: Difference, console: Console) -> None:
    lines = [
        *(f"the layout differs: {difference}" for difference in found.layout),
        *(["missing: " + ", ".join(found.missing)] if found.missing else []),
        *(
            f"renamed? {column} is not there, but {header!r} is: add it under header if it is the same"
            for column, header in found.renamed
        ),
        *(["not declared, so not loaded: " + ", ".join(found.undeclared)] if found.undeclared else []),
    ]
    for line in lines:
        console.print(f"  [yellow]differs[/] {escape(line)}", soft_wrap=True)


def print_staged(models: list[Staged], failed: list[str], console: Console) -> None:
    """Print what the staging models make of the file, and the checks of the raw gate that failed.

    Args: models, failed: of `check.staged`. console: where to.
    """
    for message in failed:
        console.print(f"  [yellow]gate[/] {escape(message)}", soft_wrap=True)
    table = Table("staging model", "rows used", "rejected", "why")
    for model in models:
        rejected = sum(model.rejected.values())
        why = ", ".join(f"{reason}: {count}" for reason, count in model.rejected.items())
        table.add_row(model.model, str(model.rows_used), f"[red]{rejected}[/]" if rejected else "0", escape(why))
    console.print(table)
