"""Real database servers for tests: each on a free port of this machine, with its files in a temporary folder."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pymysql
import pytest

from orchestration.local_airflow import free_port

PASSWORD = "gehe!m/%41@ s3cret"
LOGIN = "office"
DATABASE = "office"
START_SECONDS = 60


class Server:
    """A server that can be stopped, killed and started again. `type` is the type of its Airflow connection."""

    type: str
    package: str
    user: str
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.process = folder, free_port(), None
        self.data, self.log = folder / "data", folder / "log"

    def connection(self, **other: object) -> str:
        """The Airflow connection as AIRFLOW_CONN_… takes it."""
        parts = {
            "conn_type": self.type, "host": "127.0.0.1", "port": self.port, "login": LOGIN, "password": PASSWORD,
            "schema": DATABASE,
        }
        return json.dumps(parts | other)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.folder, **self.as_user())
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.type} did not start: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server and wait for its end."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def as_user(self) -> dict:
        """The server programs refuse to run as root."""
        if os.getuid():
            return {}
        return {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []}

    def run(self, *command: str) -> None:
        """Run a program of the server as its user."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        subprocess.run(command, check=True, cwd=self.folder, **quiet, **self.as_user())

    def execute(self, *statements: str) -> None:
        """Run statements as the owner of the database, each committed."""
        with self.opened() as connection:
            for statement in statements:
                with connection.cursor() as cursor:
                    cursor.execute(statement)
                connection.commit()

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            with self.opened():
                return True
        except (psycopg2.OperationalError, pymysql.OperationalError):
            return False


class PostgreSqlServer(Server):
    """PostgreSQL from Debian's package."""

    type, package, user, stop_signal = "postgres", "postgresql", "postgres", signal.SIGINT

    @staticmethod
    def program(name: str) -> str | None:
        """The path of a program of the newest PostgreSQL that is installed."""
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
        return shutil.which(name, path=str(versions[-1])) if versions else shutil.which(name)

    def make(self) -> None:
        """Make the database and the login that only reads."""
        self.run(
            self.program("initdb"), "-D", str(self.data), "-U", "owner", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
        )
        (self.data / "pg_hba.conf").write_text(
            f"host all owner 127.0.0.1/32 trust\nhost all {LOGIN} 127.0.0.1/32 scram-sha-256\n"
        )
        self.start()
        self.execute(
            f"create role {LOGIN} login password '{PASSWORD}'", f"create schema {DATABASE}",
            f"alter default privileges grant select on tables to {LOGIN}", f"grant usage on schema {DATABASE} to {LOGIN}",
        )

    def command(self) -> list[str]:
        return [
            self.program("postgres"), "-D", str(self.data), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c",
            f"unix_socket_directories={self.folder}", "-c", "fsync=off", "-c", "lock_timeout=20s", "-c",
            "timezone=America/New_York",
        ]

    @contextmanager
    def opened(self) -> Iterator[object]:
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, user="owner", dbname="postgres", options=f"-c search_path={DATABASE}",
        )
        try:
            yield connection
        finally:
            connection.close()

    def connection(self, **other: object) -> str:
        return super().connection(**{"schema": "postgres"} | other)


class MariaDbServer(Server):
    """MariaDB from Debian's package; MySQL speaks the same protocol."""

    type, package, user = "mysql", "mariadb-server", "mysql"

    @staticmethod
    def program(name: str) -> str | None:
        """The path of a program of MariaDB."""
        return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin")

    def make(self) -> None:
        """Make the database and the login that only reads."""
        self.run(
            self.program("mariadb-install-db"), "--no-defaults", f"--datadir={self.data}", "--skip-test-db",
            "--auth-root-authentication-method=normal",
        )
        self.start()
        self.execute(
            f"create user {LOGIN}@'127.0.0.1' identified by '{PASSWORD}'", f"grant select on {DATABASE}.* to {LOGIN}@'127.0.0.1'"
        )

    def command(self) -> list[str]:
        return [
            self.program("mariadbd"), "--no-defaults", f"--datadir={self.data}", f"--port={self.port}",
            "--bind-address=127.0.0.1", f"--socket={self.folder / 'socket'}", f"--pid-file={self.folder / 'pid'}",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--default-time-zone=-05:00",
            "--lock-wait-timeout=20", "--character-set-server=utf8mb4",
        ]

    @contextmanager
    def opened(self) -> Iterator[object]:
        connection = pymysql.connect(unix_socket=str(self.folder / "socket"), user="root", charset="utf8mb4",
                                     init_command=f"create database if not exists {DATABASE}", )
        try:
            connection.select_db(DATABASE)
            yield connection
        finally:
            connection.close()


@contextmanager
def running(kind: type[Server], program: str) -> Iterator[Server]:
    """A server with an empty database, ended with all its files at the end; the test is skipped when it is not installed."""
    if not kind.program(program):
        pytest.skip(f"{program} is not installed: apt-get install {kind.package}")
    folder = Path(tempfile.mkdtemp(prefix="gmw-server-"))
    server = kind(folder)
    if not os.getuid():
        shutil.chown(folder, server.user)
    try:
        server.make()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
