"""One whole run with a real scheduler (`make run`), and Airflow in the foreground (`make up`)."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ingest.declaration import declarations
from ingest.run import print_unclaimed
from ingest.settings import person_key_secret, settings
from orchestration.local_airflow import USER, AirflowProblem, LocalAirflow, free_port
from orchestration.names import BUILD_MARTS, EXPORT_KPIS, MAINTAIN, WATCH_SOURCES, ingest_dag_id
from orchestration.progress import Progress

TIME_LIMIT_SECONDS = 1800.0
POLL_SECONDS = 1.0
# How many times as long as an answer took the next question waits: with hundreds of sources, to ask without pause would take a
# core from the tasks.
PAUSE_AFTER_ANSWER = 4.0
PREFERRED_PORT = 8080
FINISHED = ("success", "failed")
# What is run beside the ingest DAGs: nothing that sends reports to people.
OTHER_DAGS = (BUILD_MARTS, EXPORT_KPIS, MAINTAIN, WATCH_SOURCES)
LOG_TAIL_LINES = 40
PRINTED_BY_TASK = "task.std"


@dataclass(frozen=True)
class Snapshot:
    """What the scheduler knew at one moment: queued asset events (asked for first), then DAG runs, then task instances."""

    queued_events: int
    runs: list[dict]
    tasks: list[dict]

    @property
    def run_states(self) -> dict[tuple[str, str], str]:
        """(DAG id, run id) → state of the run."""
        return {(run["dag_id"], run["dag_run_id"]): run["state"] for run in self.runs}

    @property
    def failed_tasks(self) -> list[dict]:
        """Task instances that failed themselves, not because of another one, in the order they ended."""
        return sorted((task for task in self.tasks if task["state"] == "failed"), key=lambda task: task["end_date"] or "")

    def task_succeeded(self, dag_id: str, task_id: str) -> bool:
        """True when a task succeeded in any run."""
        return any((task["dag_id"], task["task_id"], task["state"]) == (dag_id, task_id, "success") for task in self.tasks)

    def is_final(self, before: Snapshot, ingest_dags: set[str]) -> bool:
        """True when nothing runs and nothing is due any more.

        That takes two snapshots with the same finished runs: every event that one of them emitted is then either among
        the queued events of the second, or has become a run.
        """
        states = self.run_states
        return (
            states == before.run_states
            and self.queued_events == 0
            and ingest_dags <= {dag_id for dag_id, _ in states}
            and all(state in FINISHED for state in states.values())
        )

    def unfinished(self, ingest_dags: set[str]) -> list[str]:
        """What a time limit interrupts, for people to read."""
        states = self.run_states
        lines = [f"{dag_id} has not started" for dag_id in sorted(ingest_dags - {dag_id for dag_id, _ in states})]
        for (dag_id, run_id), state in sorted(states.items()):
            if state not in FINISHED:
                own = [task for task in self.tasks if (task["dag_id"], task["dag_run_id"]) == (dag_id, run_id)]
                active = [f"{task['task_id']} {task['state'] or 'waiting'}" for task in own if task["state"] not in FINISHED]
                lines.append(f"{dag_id} is {state}: {', '.join(active) or 'no task is active'}")
        if self.queued_events:
            lines.append(f"{self.queued_events} asset event(s) wait for a run of {BUILD_MARTS} or {EXPORT_KPIS}")
        return lines


def run_once(time_limit: float = TIME_LIMIT_SECONDS) -> int:
    """Run every ingest DAG, the build and the export once, with a scheduler that is started for it and stopped after it.

    The scheduler itself creates the runs, as in operation: the run of the last interval of each ingest DAG (the metadata
    database is new, so there is none yet), then what their assets trigger. Files that were loaded before are no-ops.

    Args: time_limit: seconds for everything. Returns: exit code; 0 when all is done, 1 when a task failed (after the rest
    has been done) or the time limit was over.
    Raises: AirflowProblem when Airflow does not start or does not stay up; DeclarationError.
    """
    person_key_secret()  # Missing, it would stop the first load: say so before Airflow starts.
    sources = declarations()
    ingest_dags = {ingest_dag_id(source.name) for source in sources}
    started = time.monotonic()
    airflow = LocalAirflow(settings().home / "airflow-run", single_run=True)
    with Progress(started) as progress:
        progress.say(f"starting Airflow for {len(sources)} sources; logs: {airflow.home / 'logs'}")
        with airflow:
            airflow.wait_until_ready({*ingest_dags, *OTHER_DAGS}, timeout=time_limit)
            progress.say(f"Airflow is ready at {airflow.url}")
            airflow.unpause([ingest_dag_id("%"), *OTHER_DAGS])
            snapshot, is_final, pause = take_snapshot(airflow), False, POLL_SECONDS
            while not is_final and time.monotonic() - started < time_limit:
                time.sleep(pause)
                airflow.check_alive()
                asked = time.monotonic()
                before, snapshot = snapshot, take_snapshot(airflow)
                pause = max(POLL_SECONDS, PAUSE_AFTER_ANSWER * (time.monotonic() - asked))
                progress.show(snapshot.runs, snapshot.tasks)
                is_final = snapshot.is_final(before, ingest_dags)
            failures = [_failure_text(airflow, task) for task in snapshot.failed_tasks]
            progress.say("stopping Airflow")
    if snapshot.task_succeeded(EXPORT_KPIS, "export"):
        from exports.headline import print_headline

        print_headline()
    elif snapshot.task_succeeded(BUILD_MARTS, "publish"):
        print("\nA new version was published, but its exports are not complete.")
    else:
        print("\nNothing new was published; the version published before (if any) is unchanged.")
    print_unclaimed(print)
    for failure in failures:
        print(failure)
    if not is_final:
        print(f"\nThe time limit of {time_limit:.0f} s is over (gmw airflow run --time-limit). Still due:")
        print("\n".join(f"  {line}" for line in snapshot.unfinished(ingest_dags)))
    succeeded = sum(state == "success" for state in snapshot.run_states.values())
    print(f"\n{succeeded} of {len(snapshot.runs)} DAG runs succeeded in {time.monotonic() - started:.0f} s")
    return 0 if is_final and succeeded == len(snapshot.runs) else 1


def up() -> None:
    """Run Airflow in the foreground until Ctrl-C or SIGTERM: scheduler, DAG processor and web interface.

    Its state stays in $GMW_HOME/airflow. Raises: AirflowProblem as for `run_once`.
    """
    person_key_secret()
    dag_ids = {BUILD_MARTS, EXPORT_KPIS, *(ingest_dag_id(source.name) for source in declarations())}
    try:
        with LocalAirflow(settings().home / "airflow", port=free_port(PREFERRED_PORT), single_run=False) as airflow:
            print(f"starting Airflow (logs: {airflow.home / 'logs'}); Ctrl-C stops it", flush=True)
            airflow.wait_until_ready(dag_ids, timeout=TIME_LIMIT_SECONDS)
            print(f"Airflow: {airflow.url}   user {USER}, password {airflow.password} (kept in {airflow.passwords_file})")
            print("The DAGs run on their schedules; trigger one by hand in the web interface.", flush=True)
            while True:
                airflow.check_alive()
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        print("\nAirflow has stopped.")


def take_snapshot(airflow: LocalAirflow) -> Snapshot:
    """Ask the REST API where everything stands, events before runs (see Snapshot.is_final)."""
    queued = sum(
        len(airflow.all(f"/api/v2/dags/{dag_id}/assets/queuedEvents", "queued_events")) for dag_id in (BUILD_MARTS, EXPORT_KPIS)
    )
    runs = airflow.all("/api/v2/dags/~/dagRuns", "dag_runs")
    return Snapshot(queued, runs, airflow.all("/api/v2/dags/~/dagRuns/~/taskInstances", "task_instances"))


def readable_log(lines: list[dict], limit: int = LOG_TAIL_LINES) -> list[str]:
    """The end of a task log as people read it: what the task printed, then the error and where it was raised.

    Args: lines: as `LocalAirflow.task_log` gives them. limit: number of lines, the error not counted.
    """
    told, errors = [], []
    for line in lines:
        if line.get("logger", "").startswith(PRINTED_BY_TASK):
            told += line["event"].splitlines()
        for error in line.get("error_detail") or []:
            errors += f"{error['exc_type']}: {error['exc_value']}".splitlines()
            own = [frame for frame in error["frames"] if "site-packages" not in frame["filename"]]
            errors += [f"  at {frame['filename']}:{frame['lineno']} in {frame['name']}" for frame in own[-3:]]
    return told[-limit:] + errors


def _failure_text(airflow: LocalAirflow, task: dict) -> str:
    heading = f"\nFAILED: {task['dag_id']}.{task['task_id']}, try {task['try_number']}, run {task['dag_run_id']}"
    try:
        lines = readable_log(airflow.task_log(task["dag_id"], task["dag_run_id"], task["task_id"], task["try_number"]))
    except AirflowProblem as problem:
        lines = [f"its log cannot be read: {problem}"]
    folder = airflow.home / "logs" / f"dag_id={task['dag_id']}"
    return "\n".join([heading, *(f"  {line}" for line in lines), f"  whole log below {folder}"])
