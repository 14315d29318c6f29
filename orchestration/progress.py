"""Shows how a run goes: a live table on a terminal, plain lines elsewhere (one per change of a task's state)."""

from __future__ import annotations

import time

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

STYLES = {
    "success": "green",
    "failed": "bold red",
    "upstream_failed": "red",
    "up_for_retry": "yellow",
    "skipped": "dim",
    "running": "bold cyan",
}


class Progress:
    """A display for the time of a `with` block. Args: started: of the run, as time.monotonic() gives it."""

    def __init__(self, started: float, console: Console | None = None) -> None:
        self._started = started
        self._console = console or Console()
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._states: dict[tuple[str, str, str], str] = {}

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """One line with the seconds since the start."""
        self._console.print(Text(f"{self._seconds():6.1f} s  {text}"), soft_wrap=not self._live)

    def show(self, runs: list[dict], tasks: list[dict]) -> None:
        """Show DAG runs and task instances as the REST API gives them."""
        if self._live:
            self._live.update(self._table(runs, tasks), refresh=True)
            return
        for task in sorted(tasks, key=lambda task: task["start_date"] or ""):
            key = (task["dag_id"], task["dag_run_id"], task["task_id"])
            if task["state"] in STYLES and self._states.get(key) != task["state"]:
                self._states[key] = task["state"]
                attempt = f" (try {task['try_number']})" if task["try_number"] > 1 else ""
                self.say(f"{task['dag_id']}.{task['task_id']} {task['state']}{attempt}")

    def _table(self, runs: list[dict], tasks: list[dict]) -> Table:
        table = Table("DAG run", "tasks", "state", box=None, title=f"{self._seconds():.0f} s", title_justify="left")
        for run in sorted(runs, key=lambda run: (run["start_date"] is None, run["start_date"] or "")):
            own = [task for task in tasks if (task["dag_id"], task["dag_run_id"]) == (run["dag_id"], run["dag_run_id"])]
            own.sort(key=lambda task: (task["start_date"] is None, task["start_date"] or ""))
            words = Text(" › ").join(Text(task["task_id"], STYLES.get(task["state"], "dim")) for task in own)
            table.add_row(run["dag_id"], words, Text(run["state"], STYLES.get(run["state"], "dim")))
        return table

    def _seconds(self) -> float:
        return time.monotonic() - self._started
