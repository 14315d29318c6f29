"""The rules for DAG files, on what `describe_dags` found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ingest.settings import settings
from orchestration.names import BUILD_MARTS, MAINTAIN, WRITER_POOL

HEAVY_MODULES = {"duckdb", "great_expectations", "dbt", "pandas", "altair", "xlsxwriter"}
DOC_PARTS = ("**Purpose**", "**Type**", "**Re-run**", "**Retries**", "**Owner**")
# Their tasks have the build database for themselves for long: they take all slots of the pool.
ALONE = {BUILD_MARTS, MAINTAIN}
# Tasks that do not write the build database. Every other one has to take the writer's slot.
READERS = {"report_blocked_files", "export", "prove_restore", "deliver"}


def describe_folder(folder: Path, airflow_home: Path) -> dict:
    """What Airflow finds in a folder of DAG files; see describe_dags. Nothing but the DAG files is read."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    environment |= {"AIRFLOW_HOME": str(airflow_home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    program = Path(__file__).with_name("describe_dags.py")
    result = subprocess.run(
        [sys.executable, str(program), str(folder)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def faults(found: dict, catching_up: set[str] = frozenset()) -> list[str]:
    """Every breach of a rule, as `<where>: <what>`. Only the DAGs in `catching_up` may do so: their sources declare it."""
    told = [f"{Path(file).name}: import error" for file in found["import_errors"]]
    if not found["dags"]:
        told.append("folder: no DAG found")
    heavy = HEAVY_MODULES & {module.split(".")[0] for module in found["modules"]}
    told += [f"folder: parsing imports {module}" for module in sorted(heavy)]
    for dag_id, dag in found["dags"].items():
        told += [f"{dag_id}: doc_md lacks {part}" for part in DOC_PARTS if part not in dag["doc_md"]]
        if dag["catchup"] and dag_id not in catching_up:
            told.append(f"{dag_id}: catches up")
        if dag["max_active_runs"] != 1:
            told.append(f"{dag_id}: more than one run at a time")
        if dag["tells"] == "NoneType":
            told.append(f"{dag_id}: tells nobody when a task was killed")
        for task_id, task in dag["tasks"].items():
            if task_id not in READERS and task["pool"] != WRITER_POOL:
                told.append(f"{dag_id}.{task_id}: writes outside the pool {WRITER_POOL}")
            slots = settings().parallel_loads if dag_id in ALONE else 1
            if task_id not in READERS and task["pool_slots"] != slots:
                told.append(f"{dag_id}.{task_id}: takes {task['pool_slots']} of the pool's slots instead of {slots}")
            if not task["retries"] or not task["back_off"] or not task["retry_policy"]:
                told.append(f"{dag_id}.{task_id}: is not tried again, each time later, unless it would say the same again")
            if not task["tells"]:
                told.append(f"{dag_id}.{task_id}: tells nobody when it fails")
    return told
