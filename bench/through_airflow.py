"""One new day once more, through a real scheduler: what `gmw airflow run` does, on the installation as it was before that day."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import product
from bench.product import Took
from orchestration.names import BUILD_MARTS

# Julian days, as SQLite counts them, of the beginning of Unix time.
EPOCH, SECONDS_OF_DAY = 2440587.5, 86_400


@dataclass(frozen=True)
class TookThroughAirflow(Took):
    """What the whole of Airflow took, and how its seconds are divided.

    `until_first_run`: until Airflow was up, knew its DAGs and had started the first run. `in_tasks`: while at least one task ran.
    `tasks`: how many ran. `builds`: how often dbt built the marts, which it does again when rows arrive during a build.
    """

    until_first_run: float
    in_tasks: float
    tasks: int
    builds: int


def copy_of(home: Path) -> Path:
    """Copy an installation beside itself, with the links between its files: versions and backups share what has not changed.

    Args: home: the installation. Returns: the copy. Raises: subprocess.CalledProcessError, e.g. when there is no room.
    """
    copy = home.with_name(f"{home.name}-before")
    subprocess.run(["cp", "-a", str(home), str(copy)], check=True)
    return copy


def measure(folder: Path, drop: Path, before: Path) -> TookThroughAirflow:
    """Put a copy of the installation in its place, as paths in it may be absolute, and run Airflow on it.

    Args: folder: of the product, with its checkout and the installation, `home`, which is lost. drop: the files, with those of the
    new day. before: the copy. Returns: what that took; `home` is what Airflow has left.
    Raises: RuntimeError, with what was printed, when anything failed.
    """
    home = folder / "home"
    shutil.rmtree(home)
    before.rename(home)
    started = time.time()
    took = product.measure(folder, drop, (product.AIRFLOW,))[product.AIRFLOW]
    return TookThroughAirflow(**asdict(took), **parts(home / "airflow-run" / "airflow.db", started))


def parts(database: Path, started: float) -> dict[str, float]:
    """What Airflow's metadata say of a run. Args: database: of Airflow. started: in seconds of Unix time.

    Returns: the fields that TookThroughAirflow adds. A task that was tried again counts with its last try only.
    """
    with closing(sqlite3.connect(database)) as connection:
        (first_run,) = connection.execute("select min(julianday(start_date)) from dag_run").fetchone()
        tasks = connection.execute(
            "select julianday(start_date), julianday(end_date) from task_instance where end_date is not null order by start_date"
        ).fetchall()
        (builds,) = connection.execute(
            "select count(*) from task_instance where dag_id = ? and task_id = 'dbt_build' and state = 'success'", (BUILD_MARTS,)
        ).fetchone()
    in_tasks, until = 0.0, 0.0
    for start, end in tasks:
        in_tasks += max(end - max(start, until), 0)
        until = max(until, end)
    until_first_run = (first_run - EPOCH) * SECONDS_OF_DAY - started
    return {"until_first_run": until_first_run, "in_tasks": in_tasks * SECONDS_OF_DAY, "tasks": len(tasks), "builds": builds}
