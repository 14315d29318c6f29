"""Which time a run of an ingest DAG is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk.types import DagRunProtocol

    from ingest.connectors import Interval


def interval_of(dag_run: DagRunProtocol) -> Interval | None:
    """The interval that a run is about, for `ingest.landing.land`.

    A scheduled run is the next one of its schedule, a backfill asks for its interval again. Whoever triggers a run by hand wants
    what there is now: Airflow gives such a run the last interval of the schedule, or none, and neither is meant.

    Args: dag_run: of the task context. Returns: the interval; None: from where the last load ended up to now.
    """
    from ingest.connectors import Interval

    start, end = dag_run.data_interval_start, dag_run.data_interval_end
    if dag_run.run_type not in ("scheduled", "backfill") or start is None or end is None or start == end:
        return None
    return Interval(start, end, is_next=dag_run.run_type == "scheduled")
