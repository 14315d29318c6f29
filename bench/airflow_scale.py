"""Airflow with many declared sources: how long their DAG files take to parse, and a real scheduler that ingests all of them at
once. `make bench-airflow`.

The checkout declares the made-up sources of `bench/airflow_sources.py` and no others; everything else in it is the product's own. A
run that fails, a row that is lost, or a log that names a lock failure ends the measurement with an error.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from bench.airflow_sources import RECORDS, SEED, assemble, deliver, name_of
from bench.load import PAGE, PROJECT, SECRET

BEGIN, END = "<!-- written by make bench-airflow -->\n", "<!-- end of airflow -->\n"
TARGET_SECONDS = 2.0
STEPS = ("land", "load", "gate_raw", "report_blocked_files")
# What the logs say when a lock was not got: ours, DuckDB's, SQLite's.
LOCK_FAILURES = ("WarehouseBusy", "Could not set lock", "database is locked")
POLL_SECONDS = 3.0
# Of each source: RECORDS good rows, one for quarantine, a row of totals.
ROWS_EACH = (RECORDS + 2, RECORDS, 1, 1)


def main() -> None:
    """Measure, print the table, and write it where it is asked for. Exit code 1 when something failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=300)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--time-limit", type=float, default=7200, help="seconds for the scheduler")
    parser.add_argument("--parse-only", action="store_true", help="start no scheduler")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.relative_to(PROJECT)}")
    parser.add_argument("--part", choices=["parse", "ingest"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(parse() if options.part == "parse" else ingest(options.sources, options.time_limit)))
        return
    with tempfile.TemporaryDirectory(prefix="bench-airflow-", dir=os.environ.get("GMW_BENCH_FOLDER")) as folder:
        result = measure(Path(folder), options.sources, options.seed, options.time_limit, options.parse_only)
    text = report(result)
    print(text)
    if found := faults(result):
        sys.exit("\n".join(found))
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(page.split(BEGIN)[0] + BEGIN + text + END + page.split(END)[1], encoding="utf-8")


def measure(folder: Path, count: int, seed: int, time_limit: float, parse_only: bool = False) -> dict:
    """Measure both parts, each in a process of its own.

    Args: folder: an empty one. count: of sources. seed: of their rows. time_limit: seconds for the scheduler. parse_only: start
    none. Returns: the figures of `parse` and `ingest`. Raises: RuntimeError when a part fails.
    """
    assemble(folder / "checkout", count)
    deliver(folder / "drop", count, seed)
    result = {"sources": count, "parse": _in_process(folder, "parse", count, time_limit)}
    if not parse_only:
        result["ingest"] = _in_process(folder, "ingest", count, time_limit)
    return result


def _in_process(folder: Path, part: str, count: int, time_limit: float) -> dict:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "GMW_"))}
    environment |= {
        "PYTHONPATH": str(folder / "checkout"), "GMW_HOME": str(folder / "home"), "GMW_DROP_FOLDER": str(folder / "drop"),
        "GMW_PERSON_KEY_SECRET": SECRET, "GMW_CODE_VERSION": "bench", "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    }  # fmt: skip
    said = ["--part", part, "--sources", str(count), "--time-limit", str(time_limit)]
    command = [sys.executable, "-m", "bench.airflow_scale", *said]
    process = subprocess.run(command, cwd=folder / "checkout", env=environment, stdout=subprocess.PIPE, text=True)
    if process.returncode:
        raise RuntimeError(f"{part}: ended with exit code {process.returncode}:\n{process.stdout[-6000:]}")
    return json.loads(process.stdout.splitlines()[-1])


def parse() -> dict:
    """Parse the DAG files of this checkout as Airflow's DAG processor does, and by a process that parses all of them.

    The DAG processor imports Airflow once and forks a process for each file. A file's time is that of its child: what the file
    imports that Airflow had not, reading declarations, making the DAGs, apart from turning them into what the metadata database
    holds.

    Returns: seconds and CPU seconds of Airflow's import, of the folder, and of each file. Raises: RuntimeError on an import error.
    """
    import_took = _took(_import_airflow)
    files = {}
    for file in sorted((PROJECT / "dags").glob("*.py")):
        files[file.name] = _in_fork(lambda file=file: _parse_one(file))
    folder = _in_fork(lambda: _parse_one(PROJECT / "dags"))
    return {"airflow": import_took, "folder": folder, "files": files}


def _import_airflow() -> None:
    import airflow.dag_processing.processor  # noqa: F401


def _took(work) -> list[float]:
    """Do something. Returns: its seconds and its CPU seconds."""
    started, cpu = time.monotonic(), time.process_time()
    work()
    return [time.monotonic() - started, time.process_time() - cpu]


def _parse_one(path: Path) -> dict:
    """Parse a DAG file, or a folder of them, in this process."""
    import structlog
    from airflow.dag_processing import processor

    bags = []
    dags = PROJECT / "dags"
    took = _took(
        lambda: bags.append(processor.BundleDagBag(dag_folder=path, bundle_path=dags, bundle_name="dags", load_op_links=False))
    )
    (bag,) = bags
    if bag.import_errors:
        raise RuntimeError(f"expected DAG files without import errors, found {bag.import_errors}")
    serialised = _took(lambda: processor._serialize_dags(bag, structlog.get_logger()))
    return {"dags": len(bag.dags), "parse": took, "serialise": serialised}


def _in_fork(work) -> dict:
    """What a function returns in a fork of this process, so that it leaves nothing behind in this one."""
    receiver, sender = os.pipe()
    if not (child := os.fork()):
        code = 1
        try:
            os.write(sender, json.dumps(work()).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(sender)
    with open(receiver, encoding="utf-8") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    if not text:
        raise RuntimeError("a process that parses DAG files ended without a result")
    return json.loads(text)


def ingest(count: int, time_limit: float) -> dict:
    """Let a real scheduler ingest all sources at once, as `gmw airflow run` starts it: LocalExecutor, SQLite.

    The build stays paused: what is measured is the ingest. Returns: what Airflow, its logs and the ledger of the warehouse say.
    Raises: AirflowProblem; TimeoutError.
    """
    from ingest.settings import settings
    from orchestration.airflow_run import FINISHED
    from orchestration.local_airflow import PARALLELISM, LocalAirflow
    from orchestration.names import ingest_dag_id

    wanted = {ingest_dag_id(name_of(number)) for number in range(count)}
    began = time.monotonic()
    with LocalAirflow(settings().home / "airflow-run", single_run=True) as airflow:
        airflow.wait_until_ready(wanted, timeout=time_limit)
        ready, cpu = time.monotonic(), _cpu_of(airflow.process_ids)
        print(f"ready after {ready - began:.0f} s", file=sys.stderr)
        airflow.unpause([ingest_dag_id("%")])
        runs: list[dict] = []
        while not wanted <= {run["dag_id"] for run in runs} or any(run["state"] not in FINISHED for run in runs):
            if time.monotonic() - began > time_limit:
                raise TimeoutError(f"expected {count} sources to be ingested within {time_limit:.0f} s, found {_states(runs)}")
            time.sleep(POLL_SECONDS)
            airflow.check_alive()
            runs = airflow.all("/api/v2/dags/~/dagRuns", "dag_runs")
            print(f"{time.monotonic() - ready:.0f} s: {_states(runs)}", file=sys.stderr)
        seconds, cpu_after = time.monotonic() - ready, _cpu_of(airflow.process_ids)
        tasks = airflow.all("/api/v2/dags/~/dagRuns/~/taskInstances", "task_instances")
    own = [task["duration"] or 0 for task in tasks]
    by_source: dict[str, float] = {}
    for task in tasks:
        by_source[task["dag_id"]] = by_source.get(task["dag_id"], 0) + (task["duration"] or 0)
    return {
        "until_ready": ready - began, "seconds": seconds, "cpu": {name: cpu_after[name] - cpu[name] for name in cpu},
        "states": _states(runs), "tasks": len(tasks), "tried_again": sum(task["try_number"] > 1 for task in tasks),
        "steps": {step: statistics.median(_durations(tasks, step)) for step in STEPS}, "task_seconds": sum(own),
        "of_a_source": [statistics.median(by_source.values()), max(by_source.values())],
        "logs": lines_in_logs(airflow.home / "logs"), "rows": rows_in_warehouse(), "parallelism": PARALLELISM,
        "parallel_loads": settings().parallel_loads,
    }  # fmt: skip


def _states(runs: list[dict]) -> dict[str, int]:
    states = [run["state"] for run in runs]
    return {state: states.count(state) for state in sorted(set(states))}


def _durations(tasks: list[dict], step: str) -> list[float]:
    return [task["duration"] or 0 for task in tasks if task["task_id"] == step]


def _cpu_of(processes: dict[str, int]) -> dict[str, float]:
    """CPU seconds of each process and of all that it has started, those that have ended included."""
    import psutil

    used = {}
    for name, pid in processes.items():
        parent = psutil.Process(pid)
        used[name] = 0.0
        for process in (parent, *parent.children(recursive=True)):
            try:
                used[name] += sum(process.cpu_times()[:4])  # its own and of the children that it has waited for
            except psutil.NoSuchProcess:
                continue
    return used


def lines_in_logs(folder: Path) -> dict[str, int]:
    """How many lines of the logs below a folder name a failure to get a lock, by what they name, and how many tell of a wait."""
    wanted = {**{failure: failure for failure in LOCK_FAILURES}, "waits": ": waiting for "}
    found = dict.fromkeys(wanted, 0)
    for path in folder.rglob("*.log"):
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                for name, text in wanted.items():
                    found[name] += text in line
    return found


def rows_in_warehouse() -> dict:
    """What the ledger says of the batches, and how many rows the tables of raw have."""
    from ingest import warehouse

    with warehouse.reader() as connection:
        counts = connection.execute(
            "select count(*), count(distinct source), count(*) filter (status = 'accepted'), sum(rows_in), sum(rows_loaded), "
            "sum(rows_quarantined), sum(rows_skipped) from ops.batch"
        ).fetchone()
        tables = connection.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall()
        in_raw = sum(connection.execute(f"select count(*) from raw.{name}").fetchone()[0] for (name,) in tables)
    names = ("batches", "sources", "accepted", "in", "loaded", "quarantined", "skipped")
    return {**{name: int(count or 0) for name, count in zip(names, counts, strict=True)}, "in_raw": in_raw}


def faults(result: dict) -> list[str]:
    """What must not be, as `<what>: expected …, found …`; empty when nothing of that was found. Times are no faults."""
    if "ingest" not in result:
        return []
    count, found = result["sources"], result["ingest"]
    rows, told = found["rows"], []
    if set(found["states"]) != {"success"} or found["states"]["success"] < count:
        told.append(f"DAG runs: expected {count} successes and nothing else, found {found['states']}")
    for failure in LOCK_FAILURES:
        if lines := found["logs"][failure]:
            told.append(f"logs: expected no line with {failure!r}, found {lines}")
    written = dict(zip(("in", "loaded", "quarantined", "skipped"), (each * count for each in ROWS_EACH), strict=True))
    counted = {name: rows[name] for name in written}
    if counted != written:
        told.append(f"rows: expected {written}, as written, found {counted}")
    if rows["in_raw"] != rows["loaded"]:
        told.append(f"rows: expected {rows['loaded']} in raw, as the ledger says, found {rows['in_raw']}")
    if not rows["batches"] == rows["sources"] == rows["accepted"] == count:
        told.append(f"batches: expected one accepted batch of each of {count} sources, found {rows}")
    return told


def report(result: dict) -> str:
    """The result as Markdown."""
    found, count = result["parse"], result["sources"]
    files = found["files"]
    folder, slowest = found["folder"]["parse"], max(files, key=lambda name: files[name]["parse"][0])
    in_all = [sum(part) for part in zip(*(file["parse"] for file in files.values()), strict=True)]
    serialised = [sum(part) for part in zip(*(file["serialise"] for file in files.values()), strict=True)]
    lines = [
        f"Airflow {version('apache-airflow')}, Python {platform.python_version()}, {os.cpu_count()} cores, load average "
        f"{os.getloadavg()[0]:.1f} at the end; {count} declared sources, {found['folder']['dags']} DAGs in {len(files)} files; one "
        "run.",
        "",
        "| parsing | seconds | CPU seconds |",
        "|---|---|---|",
        _line("importing Airflow's DAG processor, before any file of ours", found["airflow"]),
        _line(f"**all our DAG files, in one process that has Airflow imported** (target: ≤ {TARGET_SECONDS:.0f} s)", folder),
        _line(f"the slowest file in a process of its own, as the DAG processor does it: `{slowest}`", files[slowest]["parse"]),
        _line(f"all {len(files)} files, each in a process of its own, added up", in_all),
        _line("turning their DAGs into what the metadata database holds (Airflow's own work), added up", serialised),
        "",
    ]
    if "ingest" not in result:
        return "\n".join(lines)
    ran = result["ingest"]
    rows, cpu = ran["rows"], ran["cpu"]
    locks = sum(ran["logs"][failure] for failure in LOCK_FAILURES)
    lines += [
        f"| ingest of {count} sources, LocalExecutor with {ran['parallelism']} tasks, {ran['parallel_loads']} of them loads | |",
        "|---|---|",
        f"| from the start of Airflow until all DAGs are known, seconds | {ran['until_ready']:.0f} |",
        f"| from then until the last run has ended, seconds | {ran['seconds']:.0f} |",
        f"| for each source, seconds | {ran['seconds'] / count:.2f} |",
        f"| CPU seconds: {', '.join(cpu)} | {', '.join(f'{used:.0f}' for used in cpu.values())} |",
        f"| CPU seconds for each source, all of Airflow | {sum(cpu.values()) / count:.2f} |",
        f"| a source's own tasks, seconds, median and longest | {ran['of_a_source'][0]:.1f}, {ran['of_a_source'][1]:.1f} |",
        *(f"| of them `{step}`, median | {seconds:.2f} |" for step, seconds in ran["steps"].items()),
        f"| DAG runs that succeeded, of all | {ran['states'].get('success', 0)} of {sum(ran['states'].values())} |",
        f"| tasks, and those that were tried again | {ran['tasks']}, {ran['tried_again']} |",
        f"| lines of all logs that name a lock failure ({', '.join(LOCK_FAILURES)}) | {locks} |",
        f"| lines that tell of a wait of more than 3 s for the warehouse | {ran['logs']['waits']} |",
        f"| rows in = loaded + quarantined + skipped | {rows['in']:,} = {rows['loaded']:,} + {rows['quarantined']:,} + "
        f"{rows['skipped']:,} |",
    ]
    return "\n".join(lines) + "\n"


def _line(what: str, took: list[float]) -> str:
    return f"| {what} | {took[0]:.2f} | {took[1]:.2f} |"


if __name__ == "__main__":
    main()
