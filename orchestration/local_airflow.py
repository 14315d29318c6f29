"""Runs Airflow on this machine: SQLite, LocalExecutor, SimpleAuthManager, an API server on 127.0.0.1."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
import socket
import sys
import time
from pathlib import Path

import httpx

from ingest.settings import settings
from orchestration.names import WRITER_POOL
from orchestration.processes import ProcessGroup

USER = "admin"
PARALLELISM = 4
PAGE = 100
LOG_TAIL_LINES = 25


class AirflowProblem(RuntimeError):
    """Airflow did not start or did not stay up; the message says what, why, and where to look."""


class LocalAirflow:
    """An Airflow of our own, as a context manager: on leaving it, every process that it started has ended.

    Args:
        home: AIRFLOW_HOME, made when missing.
        port: of the API server; None for any free one.
        single_run: start with an empty metadata database, hold all DAGs back until `unpause`, read DAG files once.
    """

    def __init__(self, home: Path, *, port: int | None = None, single_run: bool) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{port or free_port()}"
        self.passwords_file = home / "passwords.json"
        self._single_run = single_run
        self._group = ProcessGroup()
        self._lock = None
        self._client = httpx.Client(base_url=self.url, trust_env=False, timeout=60)

    def __enter__(self) -> LocalAirflow:
        self._take_lock()
        self._group.__enter__()
        try:
            if self._single_run and self.home.exists():
                shutil.rmtree(self.home)
            (self.home / "logs").mkdir(parents=True, exist_ok=True)
            # Empty, so that Airflow does not write one with keys in it: the environment says everything.
            (self.home / "airflow.cfg").touch()
            self._environment = self._make_environment()
            migration = self._start("db-migrate", "airflow", "db", "migrate")
            if code := migration.wait():
                raise AirflowProblem(self._end_of_log("db-migrate", code))
            del self._group.processes["db-migrate"]
            self._start("api-server", "airflow", "api-server")
            # Without its log server: the API server reads the log files itself, and the port would be one more to find.
            self._start("scheduler", "orchestration.warm_scheduler", "scheduler", "--skip-serve-logs")
            self._start("dag-processor", "airflow", "dag-processor")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        try:
            self._group.__exit__()
        finally:
            self._lock.close()

    @property
    def password(self) -> str:
        """The password of the user `admin`, made at the first start."""
        return json.loads(self.passwords_file.read_text())[USER]

    @property
    def process_ids(self) -> dict[str, int]:
        """Name → id of the processes that run: api-server, scheduler, dag-processor."""
        return {name: process.pid for name, process in self._group.processes.items()}

    def wait_until_ready(self, dag_ids: set[str], timeout: float) -> None:
        """Return when the API answers, the writer pool exists and all these DAGs are known.

        Raises: AirflowProblem when a process ends, a DAG file has an import error, or the timeout (seconds) is over.
        """
        deadline = time.monotonic() + timeout
        while not self._answers():
            self._wait(deadline, f"The API server does not answer at {self.url}; see {self._log_file('api-server')}")
        # The first request builds the API that tasks talk to (5 s); asked for now, the first task need not wait for it.
        self._request("GET", "/execution/health")
        token = self._request("POST", "/auth/token", json={"username": USER, "password": self.password})["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"
        pool = {"name": WRITER_POOL, "slots": settings().parallel_loads}
        is_there = self._client.get(f"/api/v2/pools/{WRITER_POOL}").status_code != 404
        self._request(*(("PATCH", f"/api/v2/pools/{WRITER_POOL}") if is_there else ("POST", "/api/v2/pools")), json=pool)
        while missing := dag_ids - {dag["dag_id"] for dag in self.all("/api/v2/dags", "dags")}:
            if errors := self.all("/api/v2/importErrors", "import_errors"):
                texts = "\n".join(f"{error['filename']}:\n{error['stack_trace']}" for error in errors)
                raise AirflowProblem(f"Airflow cannot read these DAG files:\n{texts}")
            self._wait(
                deadline,
                f"Airflow has not found the DAGs {sorted(missing)}; see {self._log_file('dag-processor')}. "
                "Each declared source has one; `gmw source list` shows the declared sources",
            )

    def unpause(self, patterns: list[str]) -> None:
        """Let the scheduler run the DAGs whose ids are like a pattern; it creates the run of each one's last interval at once."""
        for pattern in patterns:
            self._request("PATCH", "/api/v2/dags", params={"dag_id_pattern": pattern}, json={"is_paused": False})

    def all(self, path: str, key: str) -> list[dict]:
        """All pages of a collection of the REST API.

        Args: path: e.g. /api/v2/dags; key: where its answer holds the items. Raises: AirflowProblem.
        """
        items: list[dict] = []
        while True:
            answer = self._request("GET", path, params={"limit": PAGE, "offset": len(items)})
            items += answer[key]
            if not answer[key] or len(items) >= answer["total_entries"]:
                return items

    def task_log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> list[dict]:
        """The log of one attempt: one dict per line (`event`, `level`, `timestamp`, `error_detail`)."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        return self._request("GET", path, params={"full_content": True})["content"]

    def check_alive(self) -> None:
        """Raise AirflowProblem, with the end of its log, when one of the processes has ended."""
        for name, code in self._group.ended().items():
            raise AirflowProblem(self._end_of_log(name, code))

    def _answers(self) -> bool:
        try:
            return self._client.get("/api/v2/version").is_success
        except httpx.TransportError:
            return False

    def _wait(self, deadline: float, problem: str) -> None:
        self.check_alive()
        if time.monotonic() >= deadline:
            raise AirflowProblem(f"{problem}. The time limit is over.")
        time.sleep(0.2)

    def _request(self, method: str, path: str, **arguments: object) -> dict:
        try:
            answer = self._client.request(method, path, **arguments)
        except httpx.TransportError as error:
            self.check_alive()
            raise AirflowProblem(f"{method} {self.url}{path} failed: {error}; see {self._log_file('api-server')}") from error
        if not answer.is_success:
            raise AirflowProblem(f"{method} {self.url}{path}: expected success, found {answer.status_code} {answer.text}")
        return answer.json()

    def _take_lock(self) -> None:
        path = self.home.with_name(f"{self.home.name}.lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = open(path, "a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            holder = self._lock.read()
            self._lock.close()
            raise AirflowProblem(
                f"Another Airflow runs in {self.home} (started by process {holder}). Wait for it to end or stop it first."
            ) from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def _start(self, name: str, module: str, *arguments: str):
        command = [sys.executable, "-m", module, *arguments]
        return self._group.start(
            name, command, environment=self._environment, folder=self.home, log=self._log_file(name)
        )

    def _log_file(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def _end_of_log(self, name: str, code: int) -> str:
        lines = self._log_file(name).read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join([f"airflow {name} ended with code {code}. The end of {self._log_file(name)}:", *lines])

    def _make_environment(self) -> dict[str, str]:
        keys = _made_once(
            self.home / "secrets.json",
            lambda: {
                "fernet": base64.urlsafe_b64encode(os.urandom(32)).decode(),
                "jwt": secrets.token_hex(32),
                "api": secrets.token_hex(32),
            },
        )
        _made_once(self.passwords_file, lambda: {USER: secrets.token_urlsafe(12)})
        configuration = {
            "core": {
                "dags_folder": settings().project / "dags",
                "load_examples": False,
                "executor": "LocalExecutor",
                "mp_start_method": "fork",
                "parallelism": PARALLELISM,
                "dags_are_paused_at_creation": self._single_run,
                "auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
                "simple_auth_manager_users": f"{USER}:admin",
                "simple_auth_manager_passwords_file": self.passwords_file,
                "execution_api_server_url": f"{self.url}/execution/",
                "fernet_key": keys["fernet"],
            },
            "database": {"sql_alchemy_conn": f"sqlite:///{self.home / 'airflow.db'}"},
            "api": {
                "host": "127.0.0.1",
                "port": httpx.URL(self.url).port,
                "base_url": self.url,
                "workers": 1,
                "secret_key": keys["api"],
            },
            "api_auth": {"jwt_secret": keys["jwt"]},
            "scheduler": {"scheduler_idle_sleep_time": 0.2},
            "dag_processor": {
                "parsing_processes": 1,
                # build_marts is known before the first ingest DAG: an event that no DAG waits for would be lost.
                "file_parsing_sort_mode": "alphabetical",
                "min_file_process_interval": 3600 if self._single_run else 30,
            },
            "logging": {"base_log_folder": self.home / "logs"},
        }
        own = {
            f"AIRFLOW__{section}__{option}".upper(): str(value)
            for section, options in configuration.items()
            for option, value in options.items()
        }
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW__", "AIRFLOW_CONFIG"))}
        return {
            **inherited,
            **own,
            "AIRFLOW_HOME": str(self.home),
            "GX_ANALYTICS_ENABLED": "false",
            "NO_PROXY": "127.0.0.1,localhost",
            "PYTHONUNBUFFERED": "1",
        }


def free_port(preferred: int = 0) -> int:
    """A TCP port of 127.0.0.1 that nothing listens on now: the preferred one if possible."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise AirflowProblem("No free TCP port on 127.0.0.1.")


def _made_once(path: Path, make) -> dict[str, str]:
    """The JSON content of a file that only its owner may read, made when it is missing."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(make(), file)
    return json.loads(path.read_text())
