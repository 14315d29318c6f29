"""An installation with one source, the permits of an office, in a database that tests start."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest

from ingest.connectors import Interval
from ingest.landing import LandedFile, land
from ingest.load import load
from tests.conftest import rows_of
from tests.declaring import write_declaration
from tests.integration.database_servers import DATABASE, Server

SHANGHAI = timezone(timedelta(hours=8))
KEYED = {"mode": "upsert", "key": ["id"]}
COLUMNS = {"id": "bigint", "title": "varchar", "updated_at": "timestamp"}


class Office:
    """An installation with one source, `permit`, declared as a test needs it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        here = SimpleNamespace(project=folder, dbt_project=folder, dbt_vars={})
        monkeypatch.setattr("ingest.declaration.settings", lambda: here)

    def declare(
        self, server: Server, declared: dict[str, str] | None = None, delivery: dict | None = None, **connector: object
    ) -> None:
        """Declare the source. The connection stands in the environment, as Airflow takes it."""
        self.monkeypatch.setenv("AIRFLOW_CONN_PERMIT_OFFICE", server.connection())
        table = {} if "query" in connector else {"table": f"{DATABASE}.permit"}
        ingest = {
            "format": {"type": "parquet"},
            "connector": {"type": "sql_database", "connection": "permit_office", **table, **connector},
            "delivery": delivery or ({"mode": "snapshot"} if "incremental" not in connector else KEYED),
        }
        columns = {name: {"type": type_} for name, type_ in (declared or COLUMNS).items()}
        write_declaration(self.folder / "models" / "staging", "permit", ingest, columns)

    def run(self, interval: Interval | None = None) -> list[LandedFile]:
        """Land and load; returns what landed anew."""
        landed = [file for file in land("permit", interval=interval) if file.is_new]
        load("permit")
        return landed

    def rows(self, columns: str = "id, title", where: str = "true") -> list[tuple]:
        """Rows of raw, by file and row."""
        return rows_of(
            f"select {columns} from raw.permit join ops.batch on batch_id = _batch_id where {where} order by batch_no, _row_no"
        )


def at(hour: int, minute: int = 0, day: int = 5) -> str:
    """A time of March 2026 in Shanghai, as both servers take it (in UTC: the session of MariaDB is set to it)."""
    return f"{datetime(2026, 3, day, hour, minute, tzinfo=SHANGHAI).astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}"


def insert(server: Server, *rows: tuple[int, str, str | None]) -> None:
    """Insert rows, or write new values over those with the same id; times are UTC."""
    zone = "set time zone 'UTC'" if server.type == "postgres" else "set time_zone = '+00:00'"
    over = (
        "on conflict (id) do update set title = excluded.title, updated_at = excluded.updated_at"
        if server.type == "postgres"
        else "on duplicate key update title = values(title), updated_at = values(updated_at)"
    )
    with server.opened() as connection, connection.cursor() as cursor:
        cursor.execute(zone)
        for row in rows:
            cursor.execute(f"insert into permit values (%s, %s, %s) {over}", row)
        connection.commit()


def interval(start: str, end: str, is_next: bool = False) -> Interval:
    """Half-open, in UTC."""
    bounds = [datetime.fromisoformat(text).replace(tzinfo=timezone.utc) for text in (start, end)]
    return Interval(*bounds, is_next=is_next)
