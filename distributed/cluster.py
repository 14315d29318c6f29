"""A Spark cluster on this machine: a standalone master, two workers and the Thrift server that dbt talks to, on 127.0.0.1."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from ingest.settings import settings
from orchestration.local_airflow import free_port
from orchestration.processes import ProcessGroup

WORKERS = 2
CORES_OF_A_WORKER = 1
MEMORY = {"driver": "3g", "executor": "2g"}
START_SECONDS = 120.0
LOG_TAIL_LINES = 25
# What makes one spelling mean the same on both engines (docs/decisions/0029-spark.md).
SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.timeType.enabled": "true",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.parser.escapedStringLiterals": "true",
    "spark.sql.sources.default": "parquet",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
    # 2026-11: these look through all layers of a model's expressions again and again: minutes for the parsing of quantities.
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.optimizer.dynamicPartitionPruning.enabled": "false",
    "spark.sql.optimizer.runtime.bloomFilter.enabled": "false",
}


class SparkProblem(RuntimeError):
    """Spark is not there, did not start or did not stay up; the message says what, why, and where to look."""


def folder() -> Path:
    """Where the cluster keeps its tables, its catalogue and its logs: $GMW_HOME/spark."""
    return settings().home / "spark"


class Cluster:
    """A cluster as a context manager: on leaving it, every process that it started has ended. Its tables stay.

    Args: port: of the Thrift server; None for any free one.
    Raises: SparkProblem when Spark is not installed, or a process ends or does not answer in time.
    """

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self._spark = spark_home()
        self._group = ProcessGroup()

    def __enter__(self) -> Cluster:
        # Facts about people lie there, as they do in restricted.duckdb: for the owner only.
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        folder().chmod(0o700)
        for name in ("logs", "work", "warehouse", "scratch"):
            (folder() / name).mkdir(parents=True, exist_ok=True)
        self._group.__enter__()
        try:
            master_port = free_port()
            master = f"spark://127.0.0.1:{master_port}"
            master_class = "org.apache.spark.deploy.master.Master"
            self._start("master", "spark-class", master_class, "--host", "127.0.0.1", "--port", master_port, "--webui-port", free_port())
            self._wait_for("master", master_port)
            for number in range(1, WORKERS + 1):
                self._start(
                    f"worker-{number}", "spark-class", "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1",
                    "--cores", CORES_OF_A_WORKER, "--memory", MEMORY["executor"], "--webui-port", free_port(),
                    "--work-dir", folder() / "work", master,
                )  # fmt: skip
            self._start("thrift-server", "spark-submit", *self._thrift_arguments(master))
            self._wait_for("thrift-server", self.port)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._group.__exit__()

    def watch(self) -> None:
        """Return never; raises SparkProblem when a process ends."""
        while True:
            self._check_alive()
            time.sleep(1)

    def _thrift_arguments(self, master: str) -> list[str]:
        configuration = {
            **SESSION,
            "spark.executor.memory": "1536m",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.warehouse.dir": f"file:{folder() / 'warehouse'}",
            "spark.driver.extraJavaOptions": f"-Duser.timezone=UTC -Dderby.system.home={folder() / 'catalogue'}",
            "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
            "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder() / 'catalogue' / 'metastore'};create=true",
            "spark.hadoop.hive.metastore.schema.verification": "false",
            "spark.hadoop.datanucleus.schema.autoCreateAll": "true",
        }
        return [
            "--master", master, "--driver-memory", MEMORY["driver"],
            *(part for name, value in configuration.items() for part in ("--conf", f"{name}={value}")),
            "--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2", "spark-internal",
            "--hiveconf", "hive.server2.thrift.bind.host=127.0.0.1", "--hiveconf", f"hive.server2.thrift.port={self.port}",
        ]  # fmt: skip

    def _start(self, name: str, program: str, *arguments: object) -> None:
        environment = {
            **os.environ, "SPARK_HOME": str(self._spark), "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(folder() / "scratch"), "SPARK_SCALA_VERSION": "2.13",
        }  # fmt: skip
        self._group.start(
            name, [str(self._spark / "bin" / program), *map(str, arguments)], environment=environment, folder=folder(),
            log=self._log(name),
        )  # fmt: skip

    def _wait_for(self, name: str, port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._check_alive()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise SparkProblem(f"{name}: expected it to answer on port {port}, found that it does not; see {self._log(name)}") from None
                time.sleep(0.3)

    def _check_alive(self) -> None:
        for name, code in self._group.ended().items():
            end = self._log(name).read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
            raise SparkProblem("\n".join([f"Spark's {name} ended with code {code}. The end of {self._log(name)}:", *end]))

    def _log(self, name: str) -> Path:
        return folder() / "logs" / f"{name}.log"


def spark_home() -> Path:
    """The folder of Spark's programs: SPARK_HOME, else the pyspark that `make .venv-spark` installs.

    Raises: SparkProblem when there is none.
    """
    if given := os.environ.get("SPARK_HOME"):
        return Path(given)
    found = sorted((settings().project / ".venv-spark").glob("lib/python*/site-packages/pyspark"))
    if not found:
        raise SparkProblem("Spark: expected SPARK_HOME or .venv-spark, found neither; `make .venv-spark/.installed` installs it")
    return found[0]


def main() -> None:
    """Run a cluster until Ctrl-C or SIGTERM (`make spark`)."""
    print("Spark: starting a master, two workers and the Thrift server …", flush=True)
    with Cluster(int(os.environ.get("GMW_SPARK_PORT") or 10000)) as cluster:
        print(f"Spark: the Thrift server answers on 127.0.0.1:{cluster.port}; tables lie in {folder()}. Ctrl-C stops it.", flush=True)
        try:
            cluster.watch()
        except KeyboardInterrupt:
            print("Spark: stopping")


if __name__ == "__main__":
    main()
