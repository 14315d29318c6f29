"""Run as a program: parses a folder of DAG files as Airflow does and prints what is in them, as JSON.

A process of its own, because it says which modules the parsing has imported, and because Airflow is configured by the
environment at its import.
"""

from __future__ import annotations

import json
import sys


def describe(folder: str) -> dict:
    """What Airflow finds in a folder: `import_errors`, `modules` (imported by parsing) and `dags` by id."""
    from airflow.dag_processing.dagbag import DagBag

    before = set(sys.modules)
    bag = DagBag(dag_folder=folder)
    return {
        "import_errors": bag.import_errors,
        "modules": sorted(set(sys.modules) - before),
        "dags": {dag_id: _dag(dag) for dag_id, dag in bag.dags.items()},
    }


def _dag(dag) -> dict:
    condition = getattr(dag.timetable, "asset_condition", None)
    return {
        "timetable": type(dag.timetable).__name__,
        "cron": [getattr(dag.timetable, "expression", None), str(getattr(dag.timetable, "timezone", None))],
        "condition": type(condition).__name__,
        "waits_for": sorted(asset.name for asset in condition.objects) if condition else [],
        "doc_md": dag.doc_md or "",
        "tells": type(dag.on_failure_callback).__name__,
        "tags": sorted(dag.tags),
        "catchup": dag.catchup,
        "starts_paused": bool(dag.is_paused_upon_creation),
        "max_active_runs": dag.max_active_runs,
        "tasks": {
            task.task_id: {
                "pool": task.pool,
                "pool_slots": task.pool_slots,
                "after": sorted(task.upstream_task_ids),
                "emits": sorted(asset.name for asset in task.outlets),
                "retries": task.retries,
                "back_off": task.retry_exponential_backoff,
                "retry_policy": type(task.retry_policy).__name__ if task.retry_policy else None,
                "tells": [type(callback).__name__ for callback in task.on_failure_callback or []],
                "priority": task.priority_weight,
            }
            for task in dag.tasks
        },
    }


if __name__ == "__main__":
    json.dump(describe(sys.argv[1]), sys.stdout)
