"""`gmw airflow`: Airflow on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Airflow on this machine")


@app.command()
def run(time_limit: Annotated[float, typer.Option(help="seconds for the whole run")] = 600.0) -> None:
    """Run everything once with a real scheduler: all ingest DAGs, the build, the export. Then stop it."""
    from orchestration.airflow_run import run_once

    raise typer.Exit(run_once(time_limit))


@app.command()
def up() -> None:
    """Run Airflow in the foreground, with its web interface, until Ctrl-C."""
    from orchestration.airflow_run import up as run_until_interrupted

    run_until_interrupted()
