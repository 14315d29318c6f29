"""`gmw notify`: who is told of what."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True, help="Notifications by mail and webhook (docs/runbooks/notifications.md)")
console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)


def say(line: object) -> None:
    console.print(str(line), soft_wrap=True, markup=False)


@app.command()
def test() -> None:
    """Send a test message by every channel that is configured. Ends with 1 when one does not work, or there is none."""
    from orchestration import notifications

    text = "A test: somebody has run `gmw notify test`. Failed tasks and late sources are told like this. Nothing is to be done."
    sent = notifications.send(notifications.Notice("test", "test message of the warehouse", text), say)
    if not sent:
        say(
            f"no channel is configured: expected {notifications.MAIL_TO} (addresses) or {notifications.WEBHOOK_CONNECTION} (an "
            f"Airflow connection) in the environment, found neither; docs/runbooks/notifications.md"
        )
    raise typer.Exit(0 if sent and not any(sent.values()) else 1)


@app.command()
def late() -> None:
    """The sources that are late now; nobody is told."""
    from orchestration.lateness import late as find

    found = find()
    for one in found:
        say(one)
    say(f"{len(found)} source(s) late")
