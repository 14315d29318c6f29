"""OpenLineage events: which step read and wrote what, for a catalogue that listens. Off unless the environment says where to.

Events are sent beside the work. A server that does not answer costs each process two seconds at most, and never a run. No event
has text of a file in it: no file names, no messages of errors, no values (ingest/lineage_datasets.py says what they have).
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from uuid import NAMESPACE_URL, uuid5

from ingest.settings import settings

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset

# What the OpenLineage client reads (docs/deployment.md); each of these says where events go.
SWITCHES = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT", "OPENLINEAGE__TRANSPORT__TYPE")
PRODUCER = "urn:x-gmw:governance-metrics-warehouse"
PATIENCE_SECONDS = 2.0
LONGEST_SECONDS = 60.0

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Running:
    """A step that is being traced: what events of its own steps name as their parent."""

    run_id: str
    job: str


@dataclass
class Touched:
    """What a step has read and written."""

    inputs: list[InputDataset] = field(default_factory=list)
    outputs: list[OutputDataset] = field(default_factory=list)


_running: ContextVar[Running | None] = ContextVar("running", default=None)
_sender: _Sender | None = None


def is_on() -> bool:
    """Whether events are sent: when the environment says where to, and not OPENLINEAGE_DISABLED=true."""
    is_disabled = os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true"
    return not is_disabled and any(os.environ.get(name) for name in SWITCHES)


def namespace() -> str:
    """The namespace of jobs: OPENLINEAGE_NAMESPACE, else the name of this project."""
    return os.environ.get("OPENLINEAGE_NAMESPACE") or "governance-metrics-warehouse"


def traced(job: str, touched: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Send an event when a step starts, and one when it has ended or failed.

    Args: job: its name; `{source_name}` and the like stand for the step's arguments. touched: the function of
    ingest/lineage_datasets.py that makes of the step's arguments and its result (or its error) what was read and written.
    """

    def decorate(step: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(step)

        @functools.wraps(step)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            if not is_on():
                return step(*args, **kwargs)
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            with _event(job.format_map(given.arguments), str(given.arguments.get("run_id") or "")) as tell:
                try:
                    result = step(*args, **kwargs)
                except BaseException as error:
                    tell("FAIL", functools.partial(_touched, touched, given, error), type(error).__name__)
                    raise
                tell("COMPLETE", functools.partial(_touched, touched, given, result))
                return result

        return wrapper

    return decorate


def dbt_has_run(started_at: float) -> None:
    """Send the events of the models that `dbt build` has run. `started_at`: when it was started; dbt may have stopped before it ran
    any, and what lies there is of the build before."""
    results = settings().dbt_target / "run_results.json"
    if not is_on() or not results.exists() or results.stat().st_mtime < started_at:
        return
    try:
        from ingest.lineage_datasets import dbt_events

        _send(dbt_events())
    except Exception as problem:
        log.warning("no OpenLineage events for dbt: %s", problem)


def running() -> Running | None:
    """The traced step in which we are, or the DAG run of Airflow."""
    if step := _running.get():
        return step
    dag, run = os.environ.get("AIRFLOW_CTX_DAG_ID"), os.environ.get("AIRFLOW_CTX_DAG_RUN_ID")
    return Running(str(uuid5(NAMESPACE_URL, f"{namespace()}/{dag}/{run}")), dag) if dag and run else None


def _touched(function: str, given: inspect.BoundArguments, outcome: object) -> Touched:
    from ingest import lineage_datasets

    return getattr(lineage_datasets, function)(given, outcome) if function else Touched()


def _send(events: list) -> None:
    for event in events:
        _current_sender().events.put(event)


@contextmanager
def _event(job: str, run_id: str) -> Iterator[Callable[..., None]]:
    """Tell of the start; yields what tells of the end. What goes wrong with the events is logged, and no more."""
    from openlineage.client.uuid import generate_new_uuid

    parent, this = running(), Running(str(generate_new_uuid()), job)

    def tell(state: str, touched: Callable[[], Touched] = Touched, error: str = "") -> None:
        try:
            _send([_run_event(state, this, parent, run_id, touched(), error)])
        except Exception as problem:
            log.warning("no OpenLineage event for %s: %s", job, problem)

    token = _running.set(this)
    tell("START")
    try:
        yield tell
    finally:
        _running.reset(token)
        _current_sender().flush()


def _run_event(state: str, this: Running, parent: Running | None, run_id: str, touched: Touched, error: str) -> object:
    import duckdb
    from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import (
        error_message_run,
        job_type_job,
        parent_run,
        processing_engine_run,
        set_producer,
        tags_run,
    )

    set_producer(PRODUCER)
    facets: dict[str, Any] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(version=duckdb.__version__, name="DuckDB")
    }
    if parent:
        facets["parent"] = parent_run.ParentRunFacet(
            run=parent_run.Run(runId=parent.run_id), job=parent_run.Job(namespace=namespace(), name=parent.job)
        )
    if run_id:
        facets["tags"] = tags_run.TagsRunFacet(tags=[tags_run.TagsRunFacetFields(key="run_id", value=run_id)])
    if error:
        # The kind of the error only: its text may quote what stands in a file.
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(message=error, programmingLanguage="Python")
    kind = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="GMW", jobType="STEP")
    return RunEvent(
        eventTime=datetime.now(timezone.utc).isoformat(),
        eventType=RunState(state),
        run=Run(runId=this.run_id, facets=facets),
        job=Job(namespace=namespace(), name=this.job, facets={"jobType": kind}),
        inputs=touched.inputs,
        outputs=touched.outputs,
        producer=PRODUCER,
    )


class _Sender:
    """Sends events in a thread of its own, until the first that cannot be sent; then it says so once and drops the others."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.events: queue.SimpleQueue = queue.SimpleQueue()
        self.sent = 0
        self.has_given_up = False
        threading.Thread(target=self._send, name="openlineage", daemon=True).start()

    def flush(self) -> None:
        """Wait until all events are sent. Gives up when none was for two seconds."""
        end, waited, before = threading.Event(), 0.0, self.sent
        self.events.put(end)
        while not self.has_given_up and not end.wait(PATIENCE_SECONDS):
            waited += PATIENCE_SECONDS
            if self.sent == before or waited >= LONGEST_SECONDS:
                self._give_up(f"an answer within {PATIENCE_SECONDS:.0f} s, found none")
            before = self.sent

    def _send(self) -> None:
        client = None
        while True:
            event = self.events.get()
            if isinstance(event, threading.Event):
                event.set()
            elif not self.has_given_up:
                try:
                    if client is None:
                        from openlineage.client import OpenLineageClient

                        client = OpenLineageClient()
                    client.emit(event)
                    self.sent += 1
                except Exception as error:
                    self._give_up(f"to be able to send, found {type(error).__name__}")

    def _give_up(self, what: str) -> None:
        if not self.has_given_up:
            self.has_given_up = True
            log.warning(
                "OpenLineage: expected %s. This process sends no more events, everything else goes on. Look at OPENLINEAGE_URL "
                "or the transport that is configured instead (docs/deployment.md).", what
            )  # fmt: skip


def _current_sender() -> _Sender:
    """The sender of this process: threads do not come along into a forked one."""
    global _sender
    if _sender is None or _sender.process != os.getpid():
        _sender = _Sender()
    return _sender
