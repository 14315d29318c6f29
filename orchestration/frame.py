"""What every DAG has in common, said once."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG

from orchestration.notifications import TellWhatNoTaskTold
from orchestration.task_defaults import documentation, task_defaults

# Far enough back that a source delivered once a year has a past interval to start with.
START = datetime(2020, 1, 1)


def frame(
    dag_id: str, *, purpose: str, kind: str, rerun: str, owner: str = "data team", source: str = "", priority: dict | None = None,
    **own,
) -> DAG:  # fmt: skip
    """A DAG without tasks: one run at a time, nothing of the past unless it says so, failures told, documented.

    Args: dag_id: its name. purpose, kind, rerun: see `documentation`. owner: who answers for it. source: the source that it is
    about, if it is about one. priority: of its tasks among those that wait. own: further arguments of Airflow's DAG.
    """
    return DAG(
        dag_id=dag_id,
        max_active_runs=1,
        default_args=task_defaults(owner, source) | (priority or {}),
        on_failure_callback=TellWhatNoTaskTold(source),
        doc_md=documentation(purpose=purpose, kind=kind, rerun=rerun, owner=owner),
        **{"start_date": START, "catchup": False, **own},
    )
