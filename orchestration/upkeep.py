"""Builds the Airflow DAGs of the upkeep: maintain (every night) and watch_sources (every hour)."""

from __future__ import annotations

from airflow.sdk import DAG, CronDataIntervalTimetable, task

from orchestration.frame import frame
from orchestration.names import MAINTAIN, WATCH_SOURCES, WRITER_POOL
from orchestration.task_defaults import whole_pool

# A waiting load or build goes first; absolute, because Airflow otherwise adds up what is downstream.
PRIORITY = {"priority_weight": 1, "weight_rule": "absolute"}


def maintain_dag() -> DAG:
    """Build the DAG `maintain`: purge_landed_files >> compact_warehouse >> back_up >> prove_restore, every night."""
    with frame(
        MAINTAIN,
        description="Purges landed files, compacts the build database, backs up and proves a restore.",
        schedule=CronDataIntervalTimetable("30 3 * * *", timezone="Asia/Shanghai"),
        tags=["upkeep"],
        priority=PRIORITY,
        purpose="Deletes the bytes of landed files that are older than `retention_days` of their source (400 days for files "
        "about people, else for ever), in the landing and in the backups; the ledger and what was loaded stay. Compacts the "
        "build database when it pays. Makes a backup, deletes those whose time is over, and tries a restore of it out on a "
        "copy.",
        kind="upkeep; every night at 03:30 (Asia/Shanghai).",
        rerun="trigger the DAG; what is gone stays gone. `gmw purge` shows what the next run would delete, `gmw backup list` "
        "what there is to restore. A red `prove_restore` means that the newest backup must not be relied on: its log says "
        "what differs (docs/runbooks/backup_and_restore.md).",
    ) as dag:

        @task(task_id="purge_landed_files", **whole_pool())
        def purge_landed_files() -> None:
            from ingest.maintenance import purge

            purge(print)

        @task(task_id="compact_warehouse", **whole_pool())
        def compact_warehouse() -> None:
            from ingest.maintenance import compact

            compact(print)

        @task(task_id="back_up", **whole_pool())
        def back_up() -> None:
            from ingest.maintenance import back_up

            back_up(print)

        @task(task_id="prove_restore")
        def prove_restore() -> None:
            from ingest.maintenance import prove_restore

            prove_restore(print)

        purge_landed_files() >> compact_warehouse() >> back_up() >> prove_restore()
    return dag


def watch_sources_dag() -> DAG:
    """Build the DAG `watch_sources`: tell_of_late_sources, every hour."""
    with frame(
        WATCH_SOURCES,
        description="Tells when a source is late against its own schedule, and when it is no longer.",
        schedule=CronDataIntervalTimetable("15 * * * *", timezone="Asia/Shanghai"),
        tags=["upkeep"],
        priority=PRIORITY,
        purpose="Finds sources whose next file is overdue, by the ledger, and tells by mail and webhook: of each lateness "
        "once, and once when it is over.",
        kind="upkeep; every hour.",
        rerun="trigger the DAG: what was told is not told again. `gmw notify late` shows all sources that are late now; "
        "`late_after_days` in a declaration says how old its newest file may become.",
    ) as dag:

        @task(task_id="tell_of_late_sources", pool=WRITER_POOL)
        def tell_of_late_sources() -> None:
            from orchestration.lateness import tell

            tell(print)

        tell_of_late_sources()
    return dag
