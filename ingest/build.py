"""Build: dbt as a subprocess on the build database, behind the writer lock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from ingest import corrections, privacy, warehouse
from ingest.declaration import declarations
from ingest.load import ensure_raw_table
from ingest.settings import settings

SLOWEST = 5


class BuildFailed(RuntimeError):
    """dbt ended with an error; the message names the failing nodes and where the log is."""


def build(run_id: str, select: str | None = None, echo: Callable[[str], None] = print) -> None:
    """Build seeds, models and data tests with dbt.

    Args: run_id: identifies the run in `kpi_value` and in the gate results. select: a dbt selection; default everything.
        echo: takes dbt's progress, one line at a time.
    Raises: BuildFailed naming each failing node; privacy.OtherKeys while a key rotation is unfinished; CorrectionError;
    WarehouseBusy.
    """
    corrections.check_all()
    with warehouse.writer(f"prepare build {run_id}") as connection, warehouse.transaction(connection):
        for source in declarations():
            ensure_raw_table(connection, source)
            privacy.refuse_other_keys(connection, source)
        connection.execute("delete from ops.run where run_id = ?", [run_id])
        connection.execute("insert into ops.run values (?, now(), ?)", [run_id, code_version()])
    # Unit tests check the models' arithmetic on made-up rows: they belong to the tests of the code, not to a run.
    arguments = ["build", "--exclude-resource-type", "unit_test", *(["--select", select] if select else [])]
    started = time.monotonic()
    if dbt(arguments, purpose=f"build {run_id}", echo=echo) != 0:
        raise BuildFailed(_failures())
    for line in _summary(time.monotonic() - started):
        echo(line)


def dbt(arguments: list[str], purpose: str, echo: Callable[[str], None] = print) -> int:
    """Run dbt on the project with this installation's database, folders and sources, behind the writer lock.

    Args: arguments: a dbt command and its options. purpose: shown to those who wait for the lock. echo: as for `build`.
    Returns: dbt's exit code. Raises: WarehouseBusy.
    """
    current = settings()
    command = [
        str(Path(sys.executable).parent / "dbt"), "--no-use-colors", *arguments,
        "--project-dir", str(current.dbt_project), "--profiles-dir", str(current.dbt_project),
        "--target-path", str(current.dbt_target), "--log-path", str(current.dbt_target),
        "--vars", json.dumps({**current.dbt_vars, "staging_models": staging_models()}),
    ]
    environment = {**os.environ, "GMW_DATABASE": str(current.database), "DO_NOT_TRACK": "1"}
    with warehouse.lock(purpose):
        current.database.parent.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen(
            command, env=environment, cwd=current.dbt_project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            for line in process.stdout:
                echo(line.rstrip())
            return process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def staging_models() -> dict[str, list[str]]:
    """Record → staging models of the enabled sources: what the dbt variable `staging_models` holds."""
    models: dict[str, list[str]] = {}
    for source in declarations():
        for record, model in source.staging_models.items():
            models.setdefault(record, []).append(model)
    return models


def code_version() -> str:
    """Which code this is: GMW_CODE_VERSION (set in images, which hold no checkout), git's description of the checkout, or
    the version of the installed package."""
    if given := os.environ.get("GMW_CODE_VERSION"):
        return given
    try:
        described = subprocess.run(
            ["git", "-C", str(settings().project), "describe", "--always", "--dirty"], capture_output=True, text=True
        )
    except FileNotFoundError:
        return version("governance-metrics-warehouse")
    return described.stdout.strip() if described.returncode == 0 else version("governance-metrics-warehouse")


def _summary(seconds: float) -> list[str]:
    """What dbt has done, from its own results: a line per group of models (as their names begin), the slowest, the sum."""
    results = json.loads((settings().dbt_target / "run_results.json").read_text())["results"]
    groups: dict[str, list[float]] = {}
    took = []
    for result in results:
        kind, _, name = result["unique_id"].split(".")[:3]
        group = f"models {name.partition('_')[0]}_*" if kind == "model" else f"{kind}s"
        groups.setdefault(group, []).append(result["execution_time"])
        took.append((result["execution_time"], f"{kind} {name}"))
    lines = [f"{group}: {len(times)}, {sum(times):.1f} s" for group, times in sorted(groups.items())]
    slowest = ", ".join(f"{name} {time:.1f} s" for time, name in sorted(took, reverse=True)[:SLOWEST])
    counts = {kind: sum(what.startswith(kind) for _, what in took) for kind in ("model", "test", "seed")}
    return [
        *lines, f"slowest: {slowest}",
        f"dbt build: {counts['model']} models, {counts['test']} tests, {counts['seed']} seeds; {seconds:.2f} s",
    ]  # fmt: skip


def _failures() -> str:
    results = settings().dbt_target / "run_results.json"
    log = settings().dbt_target / "dbt.log"
    failed = [
        f"{result['unique_id']}: {' '.join((result['message'] or '').split())}"
        for result in (json.loads(results.read_text())["results"] if results.exists() else [])
        if result["status"] in ("error", "fail", "runtime error")
    ]
    what = "\n".join(failed) if failed else "dbt stopped before it ran a node"
    return f"dbt build failed; nothing is published.\n{what}\nThe whole log: {log}"
