"""The product on a workload: from raw files to a published version, each stage in a process of its own.

`assemble` makes a checkout whose sources are those of the workload; everything else in it is the product's own code, with its own
models, tests, gates and publication.
"""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.district import SOURCES
from bench.load import PROJECT, SECRET
from bench.memory import peak_memory

PACKAGES = ("bench", "exports", "expectations", "ingest", "orchestration", "samples")
RUN_ID = "bench"
# Up to the published version; the exports are measured beside them.
STAGES = ("load", "gate_raw", "build", "gate_marts", "publish")
EXPORT = "export"
# Everything that `gmw run` does, in one process; everything that `gmw airflow run` does, with all processes of Airflow.
RUN, AIRFLOW = "run", "airflow"
# What a process gets of the caller's settings of the product and of Airflow: another home or number of threads is no part of what
# is measured.
PASSED_ON = ("GMW_MEMORY_LIMIT",)


@dataclass(frozen=True)
class Took:
    """What a process took: seconds from its start to its end, CPU seconds, megabytes of memory at most (None: not measured)."""

    seconds: float
    cpu_seconds: float
    peak_mb: float | None


def assemble(folder: Path) -> Path:
    """Make a checkout of the product with the sources of the workload. Args: folder: where. Returns: the checkout."""
    checkout = folder / "checkout"
    ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
    for package in (*PACKAGES, "dags", "dbt_project"):
        shutil.copytree(PROJECT / package, checkout / package, ignore=ignored)
    staging = checkout / "dbt_project" / "models" / "staging"
    for source in staging.iterdir():
        if source.name not in SOURCES:
            shutil.rmtree(source)
    for source in SOURCES:
        if not (staging / source).exists():
            shutil.copytree(PROJECT / "bench" / "declarations" / source, staging / source)
    compileall.compile_dir(checkout, quiet=1)
    return checkout


def measure(folder: Path, drop: Path, stages: tuple[str, ...] = (*STAGES, EXPORT)) -> dict[str, Took]:
    """Run the product on the files of a workload.

    Args: folder: takes the checkout and the installation, `home`. drop: the files. stages: which ones, in order.
    Returns: what each stage took. Raises: RuntimeError when one fails.
    """
    checkout = folder / "checkout" if (folder / "checkout").exists() else assemble(folder)
    environment = {
        "GMW_HOME": str(folder / "home"), "GMW_DROP_FOLDER": str(drop), "GMW_PERSON_KEY_SECRET": SECRET,
        "GMW_CODE_VERSION": "bench", "PYTHONPATH": str(checkout),
    }  # fmt: skip
    return {stage: in_process([sys.executable, "-m", "bench.product", stage], environment, checkout) for stage in stages}


def in_process(command: list[str], environment: dict[str, str], working_folder: Path = PROJECT) -> Took:
    """Run a program that prints its peak memory as the JSON of its last line. Of the product's and Airflow's variables it gets only
    those of `environment` and PASSED_ON. Returns: that, with the seconds of the whole process.

    Raises: RuntimeError, with what the program printed, when it fails.
    """
    own = ("AIRFLOW", "GMW_")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(own) or key in PASSED_ON}
    started, cpu_before = time.monotonic(), _cpu_of_children()
    process = subprocess.run(
        command, cwd=working_folder, env={**inherited, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[1:])}: ended with exit code {process.returncode}:\n{process.stdout[-6000:]}")
    (peak,) = json.loads(process.stdout.splitlines()[-1]).values()
    return Took(time.monotonic() - started, _cpu_of_children() - cpu_before, peak)


def _cpu_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def measured(work: Callable[[], object]) -> None:
    """Do something in this process and print, as the last line, the memory that it and its children took at most, together."""
    with peak_memory() as peak:
        work()
    print(json.dumps({"peak_mb": peak.own + peak.of_a_child}))


def run_stage(stage: str) -> None:
    """Run a stage of the product on the installation that the environment names."""
    if stage == "load":
        from ingest.landing import land
        from ingest.load import load

        for source in SOURCES:
            land(source)
            blocked = [report for report in load(source) if report.status != "loaded"]
            if blocked:
                raise RuntimeError(f"{source}: {blocked}")
    elif stage == "gate_raw":
        from expectations.gate import gate_raw

        for source in SOURCES:
            print(gate_raw(source, RUN_ID))
    elif stage == "build":
        from ingest.build import build

        build(RUN_ID)
    elif stage == "gate_marts":
        from expectations.gate import gate_marts

        print(gate_marts(RUN_ID))
    elif stage == "publish":
        from exports.publication import publish

        publish(RUN_ID)
    elif stage == EXPORT:
        from exports.export import export

        export()
    elif stage == RUN:
        from ingest.run import run_all

        run_all(f"{RUN_ID} {time.time()}", None, print, print)
    elif stage == AIRFLOW:
        from orchestration.airflow_run import run_once

        if code := run_once():
            raise RuntimeError(f"gmw airflow run: expected exit code 0, found {code}")
    else:
        raise ValueError(f"expected one of {STAGES}, {EXPORT}, {RUN} or {AIRFLOW}, found {stage}")


if __name__ == "__main__":
    if sys.argv[1] == AIRFLOW:
        # Its tasks are children of children, whose memory is not looked at.
        run_stage(AIRFLOW)
        print(json.dumps({"peak_mb": None}))
    else:
        measured(lambda: run_stage(sys.argv[1]))
