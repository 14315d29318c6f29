"""Build the warehouse on Spark: raw tables out of DuckDB as Parquet, models by dbt, what must be hidden by the driver."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb
from pyhive import hive

from distributed.cluster import folder
from ingest.build import RUN_RESULTS, staging_models
from ingest.settings import settings
from ingest.sql import literal, quoted

# What stays with DuckDB: files are read, gated and quarantined there, and seeds are CSV files like them.
LANDED_SCHEMAS = ("raw", "ops", "seeds")
# The two tables from which the driver finds out what must be hidden.
COUNTS = ("kpi_cell", "kpi_cell_part")
AFTER_HIDING = "source:driver.kpi_hidden+"


class BuildFailed(RuntimeError):
    """dbt ended with an error on Spark; the message names the failing nodes and where the log is."""


def write_landed(database: Path, to: Path) -> dict[str, int]:
    """Write all landed tables of a build database as Parquet, one folder each: what would lie on object storage.

    Args: database: the build database; it is only read. to: the folder; what lies there is replaced.
    Returns: name of the table with its schema → number of rows.
    """
    rows = {}
    shutil.rmtree(to, ignore_errors=True)
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name in (select unnest(?)) order by all",
            [list(LANDED_SCHEMAS)],
        ).fetchall()
        for schema, table in tables:
            (to / schema / table).mkdir(parents=True)
            file = literal(str(to / schema / table / "part-0.parquet"))
            name = f"{quoted(schema)}.{quoted(table)}"
            rows[f"{schema}.{table}"] = connection.execute(f"copy {name} to {file} (format parquet)").fetchone()[0]
    return rows


def register(statements: Iterable[str], port: int) -> None:
    """Run statements on the Thrift server. Args: statements: Spark SQL. port: of the server."""
    connection = hive.connect(host=os.environ.get("GMW_SPARK_HOST") or "127.0.0.1", port=port)
    try:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
    finally:
        connection.close()


def external_tables(parquet: Path, tables: Iterable[str]) -> list[str]:
    """Spark SQL that makes tables of folders of Parquet files. Args: parquet: where they lie. tables: schema.table each."""
    statements = []
    for table in tables:
        schema, _, name = table.partition(".")
        statements += [
            f"create database if not exists {schema}",
            f"drop table if exists {schema}.{name}",
            f"create table {schema}.{name} using parquet location {literal(f'file:{parquet / schema / name}')}",
        ]
    return statements


def build(port: int, echo: Callable[[str], None] = print) -> None:
    """Build all models on Spark from the landed rows of this installation.

    Args: port: of the Thrift server. echo: takes one line of progress at a time. Raises: BuildFailed.
    """
    started = time.monotonic()
    landed = folder() / "landed"
    rows = write_landed(settings().database, landed)
    echo(f"landed: {len(rows)} tables, {sum(rows.values()):,} rows as Parquet; {time.monotonic() - started:.1f} s")
    register(external_tables(landed, rows), port)
    dbt(["run-operation", "create_engine_functions"], "spark", port, echo)
    dbt(["run", "--exclude", AFTER_HIDING], "spark", port, echo)
    choose_what_to_hide(port, echo)
    dbt(["run", "--select", AFTER_HIDING], "spark", port, echo)
    echo(f"built on Spark; {time.monotonic() - started:.1f} s")


def choose_what_to_hide(port: int, echo: Callable[[str], None]) -> None:
    """Let the model kpi_hidden run on DuckDB over the counts that Spark has written, and give Spark its rows.

    Args: port: of the Thrift server. echo: as for `build`. Raises: BuildFailed.
    """
    driver = folder() / "driver.duckdb"
    driver.unlink(missing_ok=True)
    with duckdb.connect(str(driver)) as connection:
        connection.execute("create schema kpis")
        for table in COUNTS:
            files = literal(str(folder() / "warehouse" / "kpis.db" / table / "*.parquet"))
            connection.execute(f"create view kpis.{table} as select * from read_parquet({files})")
    dbt(["run", "--select", "kpi_hidden"], "duckdb", port, echo, database=driver)
    hidden = folder() / "driver" / "driver" / "kpi_hidden"
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(parents=True)
    with duckdb.connect(str(driver), read_only=True) as connection:
        file = literal(str(hidden / "part-0.parquet"))
        connection.execute(f"copy (select audience, cell_no from kpis.kpi_hidden) to {file} (format parquet)")
    register(external_tables(folder() / "driver", ["driver.kpi_hidden"]), port)


def dbt(arguments: list[str], target: str, port: int, echo: Callable[[str], None], database: Path | None = None) -> None:
    """Run dbt on one of the engines. It needs no writer lock: the build database of the installation is not touched.

    Args: arguments: a dbt command and its options. target: duckdb or spark. port: of the Thrift server. echo: as for `build`.
        database: that DuckDB builds in. Raises: BuildFailed.
    """
    current, target_path = settings(), folder() / "dbt" / target
    command = [
        str(Path(sys.executable).parent / "dbt"), "--no-use-colors", *arguments, "--target", target,
        "--project-dir", str(current.dbt_project), "--profiles-dir", str(current.dbt_project),
        "--target-path", str(target_path), "--log-path", str(target_path),
        "--vars", json.dumps({**current.dbt_vars, "staging_models": staging_models()}),
    ]  # fmt: skip
    own = {
        "GMW_SPARK_PORT": str(port), "GMW_DATABASE": str(database or ""), "GMW_SCRATCH": str(folder() / "scratch"),
        "GMW_MEMORY_LIMIT": current.memory_limit, "DO_NOT_TRACK": "1",
    }  # fmt: skip
    with subprocess.Popen(
        command, env={**os.environ, **own}, cwd=current.dbt_project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:  # fmt: skip
        for line in process.stdout:
            echo(line.rstrip())
    if process.returncode:
        raise BuildFailed(_failures(target_path))


def _failures(target_path: Path) -> str:
    results = target_path / RUN_RESULTS
    found = json.loads(results.read_text())["results"] if results.exists() else []
    failed = [f"{one['unique_id']}: {' '.join((one['message'] or '').split())[:400]}" for one in found if one["status"] == "error"]
    return "\n".join(["dbt failed; the tables that were built before stay.", *failed, f"The whole log: {target_path / 'dbt.log'}"])


def main() -> None:
    """Build on a cluster that runs already (`make spark`)."""
    build(int(os.environ.get("GMW_SPARK_PORT") or 10000), lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
