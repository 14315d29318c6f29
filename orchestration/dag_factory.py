"""Builds the Airflow DAGs: one per declared source, then build_marts, then export_kpis. Those of the upkeep:
orchestration/upkeep.py.

A task imports what it runs inside its function: parsing a DAG file must not pay for DuckDB, Great Expectations or dbt.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pendulum
from airflow.sdk import DAG, Asset, AssetAny, CronDataIntervalTimetable, get_parsing_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from orchestration.coverage import is_covered, newest_events
from orchestration.frame import START, frame
from orchestration.intervals import interval_of
from orchestration.names import BUILD_MARTS, EXPORT_KPIS, WRITER_POOL, ingest_dag_id, source_of_dag
from orchestration.task_defaults import RETRIES, RETRY_DELAY, whole_pool

if TYPE_CHECKING:
    from ingest.declaration import SourceDeclaration

PUBLISHED_MARTS = Asset(name="published_marts", uri="x-gmw://published/current")

# All waiting ingest tasks go before a waiting build, and (Airflow's default weight rule adds up what is downstream)
# all `land` before all `load` before all `gate_raw`: one build then covers every source that was due.
INGEST_PRIORITY = 10
BUILD_PRIORITY = 1


def source_asset(source: str) -> Asset:
    """The asset that says: a batch of this source went through the raw gate."""
    return Asset(name=f"raw_{source}", uri=f"x-gmw://raw/{source}")


def ingest_dag(declaration: SourceDeclaration) -> DAG:
    """Build the DAG of one source: land >> load >> gate_raw >> report_blocked_files.

    Args: declaration: a declared source. Returns: the DAG `ingest_<source>`.
    """
    source = declaration.name
    with frame(
        ingest_dag_id(source),
        dag_display_name=f"{ingest_dag_id(source)} · {declaration.title}",
        description=declaration.description,
        schedule=CronDataIntervalTimetable(declaration.schedule, timezone=declaration.time_zone),
        start_date=_start_of(declaration),
        catchup=declaration.catchup,
        tags=["ingest", declaration.family],
        source=source,
        purpose=f"Brings the files of `{source}` ({declaration.title}, from {declaration.producer}) into "
        f"`raw.{source}` and gates each file with Great Expectations.",
        kind=f"ingest, family {declaration.family}; schedule `{declaration.schedule}` ({declaration.time_zone}); "
        f"emits the asset `raw_{source}`, on which `{BUILD_MARTS}` waits.",
        rerun="clear the run, or trigger a new one: it brings what there is now. The same bytes again are a no-op. "
        "Intervals of the past that are to be processed again, and no others: `airflow backfill create` asks the source for "
        "each and loads the files of that time again from their landed bytes, as it is declared now. A red "
        "`report_blocked_files` means that a file was kept out: its log says which, why and what to do; the other files and "
        "sources are in the marts already.",
        owner=declaration.owner,
    ) as dag:

        @task(task_id="land", pool=WRITER_POOL, priority_weight=INGEST_PRIORITY, **_landing_retries(declaration))
        def land(dag_run=None) -> None:
            from orchestration import steps

            steps.land(source, interval_of(dag_run))

        @task(task_id="load", pool=WRITER_POOL, priority_weight=INGEST_PRIORITY)
        def load(dag_run=None) -> None:
            from orchestration import steps

            steps.load(source, interval_of(dag_run))

        @task(task_id="gate_raw", pool=WRITER_POOL, priority_weight=INGEST_PRIORITY, outlets=[source_asset(source)])
        def gate_raw(run_id: str | None = None) -> None:
            from orchestration import steps

            steps.gate_raw(source, run_id)

        @task(task_id="report_blocked_files", priority_weight=INGEST_PRIORITY)
        def report_blocked_files() -> None:
            from ingest.load import blocked

            if batches := blocked(source):
                raise AirflowFailException(blocked_files_message(source, batches))

        land() >> load() >> gate_raw() >> report_blocked_files()
    return dag


def _start_of(declaration: SourceDeclaration) -> datetime:
    """The first moment that the DAG of a source may be run for."""
    if declaration.start_date is None:
        return START
    day = declaration.start_date
    return pendulum.datetime(day.year, day.month, day.day, tz=declaration.time_zone)


def _landing_retries(declaration: SourceDeclaration) -> dict:
    """How a failed landing is tried again: as declared, over the network more often and later."""
    is_remote = declaration.connector.is_remote
    retries, delay = declaration.retries, declaration.retry_delay
    return {
        "retries": retries if retries is not None else (3 if is_remote else RETRIES),
        "retry_delay": timedelta(seconds=delay if delay is not None else 60) if is_remote or delay is not None else RETRY_DELAY,
    }


def ingest_dags(family: str) -> dict[str, DAG]:
    """Build the DAGs of all declared sources of one family (activity, survey, funding, reference), by DAG id. In the process of a
    task, which parses its DAG file once more, only the DAG of that task: with hundreds of sources the others would cost most tasks
    more time than their work.

    Raises: DeclarationError when a declaration is faulty; Airflow then shows it as an import error of the DAG file.
    """
    from ingest.declaration import declarations

    of_task = get_parsing_context().dag_id
    only = None if of_task is None else source_of_dag(of_task)
    dags = [ingest_dag(declaration) for declaration in declarations(only) if declaration.family == family]
    return {dag.dag_id: dag for dag in dags}


def build_marts_dag() -> DAG:
    """Build the DAG `build_marts`: dbt_build >> gate_marts >> publish, after any source has new rows."""
    from ingest.declaration import declarations

    source_assets = [source_asset(declaration.name) for declaration in declarations()]
    with frame(
        BUILD_MARTS,
        description="Builds, gates and publishes the marts.",
        schedule=AssetAny(*source_assets),
        tags=["marts"],
        purpose="Builds staging, facts and KPIs with dbt, gates what would be published with Great Expectations, "
        "and publishes a new version. If anything fails, the published version stays as it was.",
        kind="build; runs when any source emitted its asset, one run at a time. Events that arrive during a run "
        "lead to one following run, which skips itself when the build before it has their rows already.",
        rerun=f"trigger the DAG (a run without events always builds). It ends with the asset `{PUBLISHED_MARTS.name}`.",
    ) as dag:

        @task(task_id="dbt_build", **whole_pool(), priority_weight=BUILD_PRIORITY, inlets=[PUBLISHED_MARTS, *source_assets])
        def dbt_build(run_id=None, triggering_asset_events=None, inlet_events=None) -> dict[str, str]:
            from ingest.build import build

            events_seen = newest_events(inlet_events, source_assets)
            published = newest_events(inlet_events, [PUBLISHED_MARTS], what="extra")
            if is_covered(triggering_asset_events, published.get(PUBLISHED_MARTS.name, {})):
                raise AirflowSkipException("The published version has the rows of all events of this run already.")
            build(run_id)
            return events_seen

        @task(task_id="gate_marts", **whole_pool(), priority_weight=BUILD_PRIORITY)
        def gate_marts(run_id: str | None = None) -> None:
            from orchestration import steps

            steps.gate_marts(run_id)

        @task(task_id="publish", **whole_pool(), priority_weight=BUILD_PRIORITY, outlets=[PUBLISHED_MARTS])
        def publish(events_seen: dict[str, str], run_id=None, outlet_events=None) -> None:
            from orchestration import steps

            steps.publish(run_id)
            outlet_events[PUBLISHED_MARTS].extra = events_seen

        built = dbt_build()
        built >> gate_marts() >> publish(built)
    return dag


def export_kpis_dag() -> DAG:
    """Build the DAG `export_kpis`: writes workbook, dashboard and CSV after each publication."""
    with frame(
        EXPORT_KPIS,
        description="Writes the exports from the published marts.",
        schedule=[PUBLISHED_MARTS],
        tags=["exports"],
        purpose="Writes the workbook, the dashboard and the CSV files from the published version, and from nothing else.",
        kind=f"export; runs on the asset `{PUBLISHED_MARTS.name}`.",
        rerun="trigger the DAG: the files are written again from `published/current`.",
    ) as dag:

        @task(task_id="export")
        def export() -> None:
            from orchestration import steps

            steps.export()

        export()
    return dag


def blocked_files_message(source: str, batches: list) -> str:
    """What somebody needs to know to repair the blocked files of a source.

    Args: batches: BatchReport of each blocked file (`file_name`, `message`).
    """
    lines = [f"{len(batches)} file(s) of {source} are kept out of the marts, everything else went on:"]
    lines += [f"- {batch.file_name}: {batch.message}" for batch in batches]
    lines.append(
        "Put a corrected file where it came from (or take the faulty one out), or let the declaration say what holds now; then "
        "run this DAG again."
    )
    return "\n".join(lines)
