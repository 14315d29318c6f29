"""Build: dbt as a subprocess on the build database, behind the writer lock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import IO

from ingest import corrections, inputs, limits, lineage, privacy, staging_quarantine, tethered, warehouse
from ingest.declaration import declarations
from ingest.load import ensure_raw_table
from ingest.settings import settings

SLOWEST = 5
LAST_LINES = 30
RUN_RESULTS = "run_results.json"
# Commands of dbt that make tables.
MAKING = {"build", "run", "retry"}
# Unless GMW_MEMORY_LIMIT says less: nothing else that is large runs beside a build.
BUILD_MEMORY = "80%"


class BuildKilled(RuntimeError):
    """dbt was ended from outside; the message says how, and what to do."""


class BuildFailed(RuntimeError):
    """dbt ended with an error; the message names the failing nodes and where the log is."""


@lineage.traced("build")
@limits.explained("build")
def build(
    run_id: str, select: str | None = None, echo: Callable[[str], None] = print, full_refresh: bool = False
) -> None:
    """Build seeds, models and data tests with dbt.

    Args: run_id: identifies the run in `kpi_value` and in the gate results. select: a dbt selection; default everything.
        echo: takes dbt's progress, one line at a time. full_refresh: make tables again though nothing that they read has changed.
    Raises: BuildFailed naming each failing node; BuildKilled; privacy.OtherKeys while a key rotation is unfinished;
    CorrectionError; WarehouseBusy; DiskFull; OutOfMemory.
    """
    corrections.check_all()
    with warehouse.writer(f"prepare build {run_id}") as connection, warehouse.transaction(connection):
        for source in declarations():
            ensure_raw_table(connection, source)
            privacy.refuse_other_keys(connection, source)
        connection.execute("delete from ops.run where run_id = ?", [run_id])
        # Before dbt begins: what changes meanwhile is taken for new by the next run. A part of the models is no build of all of it.
        made_from = None if select else inputs.digest(connection)
        connection.execute("insert into ops.run values (?, now(), ?, ?)", [run_id, code_version(), made_from])
    # Unit tests check the models' arithmetic on made-up rows: they belong to the tests of the code, not to a run.
    arguments = ["build", "--exclude-resource-type", "unit_test", *(["--select", select] if select else [])]
    arguments += ["--full-refresh"] if full_refresh else []
    started, started_at = time.monotonic(), time.time()
    # What dbt said of the build before is not about this one.
    (settings().dbt_target / RUN_RESULTS).unlink(missing_ok=True)
    said, limit_met = deque(maxlen=LAST_LINES), []

    def hear(line: str) -> None:
        said.append(line)
        if limits.is_named(line):
            limit_met[:] = [line]
        echo(line)

    code = dbt(arguments, purpose=f"build {run_id}", echo=hear)
    lineage.dbt_has_run(started_at)
    if code < 0:
        raise BuildKilled(_ended_by(-code))
    if code != 0:
        raise BuildFailed(_failures([*limit_met, *said]))
    staging_quarantine.note(run_id)
    for line in _summary(time.monotonic() - started):
        echo(line)


def dbt(arguments: list[str], purpose: str, echo: Callable[[str], None] = print) -> int:
    """Run dbt on the project with this installation's database, folders and sources, behind the writer lock.

    dbt never outlives this process, and holds the lock as long as it runs: what follows a killed build writes alone.

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
    if MAKING.isdisjoint(arguments):
        warehouse.upgrade()
    elif current.database.exists():
        with warehouse.writer(f"prepare {purpose}") as connection, warehouse.transaction(connection):
            inputs.mark(connection)
    with warehouse.lock(purpose) as held, warehouse.scratch(name="dbt") as folder:
        current.database.parent.mkdir(parents=True, exist_ok=True)
        own = {
            # The same each time: dbt reads the whole project anew where a setting of its profile is another one.
            "GMW_DATABASE": str(current.database), "GMW_SCRATCH": str(folder), "DO_NOT_TRACK": "1",
            "GMW_CODE_DIGEST": inputs.code(), "GMW_MEMORY_LIMIT": os.environ.get("GMW_MEMORY_LIMIT") or BUILD_MEMORY,
        }  # fmt: skip
        return run_beside(command, own, held, echo)


def run_beside(command: list[str], environment: dict[str, str], held: IO[str], echo: Callable[[str], None]) -> int:
    """Run a command in a process that ends with this one. Args: held: the lock that it works under. Returns: its exit code."""
    process = subprocess.Popen(
        tethered.command(command), env={**os.environ, **environment}, cwd=settings().dbt_project, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, pass_fds=[held.fileno()],
    )  # fmt: skip
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
    results = _results()
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


def _results() -> list[dict]:
    """What dbt says of each node; nothing when it left no results, or only the beginning of them on a full disk."""
    try:
        return json.loads((settings().dbt_target / RUN_RESULTS).read_text())["results"]
    except (FileNotFoundError, json.JSONDecodeError):
        return []


def _failures(said: Iterable[str]) -> str:
    """The failing nodes by dbt's results; what dbt has `said` at its end, when it left none (a full disk takes none, either)."""
    log = settings().dbt_target / "dbt.log"
    failed = [
        f"{result['unique_id']}: {' '.join((result['message'] or '').split())}"
        for result in _results()
        if result["status"] in ("error", "fail", "runtime error")
    ]
    what = "\n".join(failed) if failed else "dbt left no results of a failing node. Its last words:\n" + "\n".join(said)
    return f"dbt build failed; nothing is published.\n{what}\nThe whole log: {log}"


def _ended_by(number: int) -> str:
    if number == signal.SIGKILL:
        what = (
            "was killed (signal 9): by somebody, or by the system because memory was short (`dmesg` tells). Then end what else "
            "runs there, or set GMW_MEMORY_LIMIT to what is left"
        )
    else:
        what = f"was ended by signal {number}"
    return f"dbt build: expected it to run to its end, found that it {what}. Nothing is published or left behind: run it again."
